import type { Redis } from 'ioredis'
import { Authority, type Certificate } from '../../../../test/support/certificates.js'
import { expectNoOpenHandles, handleSnapshot } from '../../../../test/support/open-handles.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import type { LeaseholdError } from '../../src/index.js'
import { commandOptions, connect, createClient } from '../../src/redis/connections.js'
import { errorOf } from '../error-of.js'

const never = new AbortController().signal
/** As for commands, but with so many attempts that the reason shows in one of them. */
const eager = () => ({ ...commandOptions(1000), retryStrategy: () => 5 })

let authority: Authority
let certificate: Certificate
/** Speaks TLS. */
let server: RedisServer
/** Speaks TLS, and insists on a certificate of its clients. */
let mutual: RedisServer
/** Has a certificate that is good for another host. */
let elsewhere: RedisServer
let plain: RedisServer

beforeAll(async () => {
  authority = await Authority.create()
  certificate = await authority.issue()
  const { cert: ca } = authority
  const other = await authority.issue({ hosts: ['elsewhere.test'] })
  ;[server, mutual, elsewhere, plain] = await Promise.all([
    startRedis({ tls: { ...certificate, ca } }),
    startRedis({ tls: { ...certificate, ca, clientCerts: true } }),
    startRedis({ tls: { ...other, ca } }),
    startRedis(),
  ])
})
afterAll(stopAll)

/** What a server answers to PING, after connecting to it as a node does at its start. */
async function ping(port: number, tls: object | undefined): Promise<string> {
  const client = createClient({ host: '127.0.0.1', port, ...(tls && { tls }) }, eager(), 'c')
  try {
    await connect(client, AbortSignal.timeout(1000))
    return await client.ping()
  } finally {
    client.disconnect()
  }
}

async function refusal(port: number, tls: object | undefined): Promise<LeaseholdError> {
  const error = await errorOf(ping(port, tls))
  expect(error).toMatchObject({ code: 'REDIS_UNREACHABLE', retryable: true })
  return error as LeaseholdError
}

it('a server that the CA has signed for is reached', async () => {
  expect(await ping(server.port, { ca: authority.cert })).toBe('PONG')
  expect(await ping(elsewhere.port, { ca: authority.cert, servername: 'elsewhere.test' })).toBe('PONG')
  expect(await ping(mutual.port, { ca: authority.cert, ...certificate })).toBe('PONG')
})

describe('one that is not reached says why', () => {
  it('of a CA that nobody trusts', async () => {
    const { message } = await refusal(server.port, {})
    expect(message).toBe(
      `Redis at rediss://127.0.0.1:${server.port} cannot be reached: self-signed certificate in certificate chain`,
    )
  })

  it('of another CA', async () => {
    const { cert: ca } = await Authority.create('Other CA')
    expect((await refusal(server.port, { ca })).message).toContain('self-signed certificate')
  })

  it('good for another host', async () => {
    const { message } = await refusal(elsewhere.port, { ca: authority.cert })
    expect(message).toContain(
      "does not match certificate's altnames: IP: 127.0.0.1 is not in the cert's list",
    )
  })

  it('which asks for a certificate and gets none', async () => {
    const { message } = await refusal(mutual.port, { ca: authority.cert })
    expect(message).toMatch(/: tlsv13 alert certificate required \(ERR_SSL_\w+CERTIFICATE_REQUIRED\)$/)
  })

  it('which asks for a certificate and gets one of another CA', async () => {
    const stranger = await (await Authority.create('Other CA')).issue()
    const { message } = await refusal(mutual.port, { ca: authority.cert, ...stranger })
    expect(message).toMatch(/: tlsv1 alert unknown ca \(ERR_SSL_\w+UNKNOWN_CA\)$/)
  })

  it('which speaks TLS only, to somebody who does not', async () => {
    const { message } = await refusal(server.port, undefined)
    expect(message).toMatch(
      /Redis at redis:\/\/127.0.0.1:\d+ cannot be reached: .*\. Without TLS: perhaps the server speaks nothing else\.$/,
    )
  })

  it('which does not speak TLS', async () => {
    const { message } = await refusal(plain.port, { ca: authority.cert })
    expect(message).toMatch(
      /cannot be reached: no answer\. Over TLS: perhaps the server does not speak it, or/,
    )
  })

  it('and an own certificate that does not fit its key', async () => {
    const { key } = await authority.issue()
    const { message } = await refusal(server.port, { ca: authority.cert, cert: certificate.cert, key })
    expect(message).toContain('key values mismatch')
    expect(message).not.toContain('PRIVATE')
  })
})

describe('one that is given up in the middle of the handshake', () => {
  const target = () => ({ host: '127.0.0.1', port: server.port, tls: {} })

  /** The socket of a client that has just been told to connect, before anything happens on it. */
  async function streamOf(client: Redis): Promise<Redis['stream']> {
    await new Promise<void>((resolve) => process.nextTick(resolve))
    for (let turns = 0; turns < 100 && !client.stream; turns++) await Promise.resolve()
    return client.stream
  }

  // The socket has two errors then, its own about the certificate and the server's about the interruption. An error that
  // nobody handles fails the test.
  it('ends no process, and leaves nothing', async () => {
    const before = handleSnapshot()
    for (let i = 0; i < 50; i++) {
      const client = createClient(target(), commandOptions(1000), 'c')
      const connecting = errorOf(connect(client, never))
      const stream = await streamOf(client)
      stream.once('connect', () => client.disconnect())
      expect(await connecting).toMatchObject({ code: 'REDIS_UNREACHABLE' })
    }
    await expectNoOpenHandles(before)
  })

  it('ends none either if it is a copy, such as BullMQ makes', async () => {
    const client = createClient(target(), commandOptions(1000), 'c')
    for (let i = 0; i < 50; i++) {
      const copy = client.duplicate({ maxRetriesPerRequest: null })
      copy.on('error', () => {})
      const connecting = errorOf(copy.connect())
      const stream = await streamOf(copy)
      stream.once('connect', () => copy.disconnect())
      await connecting
      expect(copy.status).toBe('end')
    }
    client.disconnect()
  })
})
