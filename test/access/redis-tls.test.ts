import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode, type LeaseholdError, type NodeOptions } from '@leasehold/core'
import { Redis } from 'ioredis'
import { Authority, type Certificate } from '../support/certificates.js'
import { eventually } from '../support/deadline.js'
import { expectNoOpenHandles, handleSnapshot } from '../support/open-handles.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { GroupLife } from './group-life.js'

let authority: Authority
let stranger: Authority
let certificate: Certificate
let server: RedisServer
let mutual: RedisServer
const dir = mkdtempSync(join(tmpdir(), 'leasehold-ca-'))
const lives: GroupLife[] = []

beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([Authority.create(), Authority.create('Other CA')])
  certificate = await authority.issue()
  const { cert: ca } = authority
  ;[server, mutual] = await Promise.all([
    startRedis({ appendOnly: 'everysec', tls: { ...certificate, ca } }),
    startRedis({ appendOnly: 'everysec', tls: { ...certificate, ca, clientCerts: true } }),
  ])
})
afterEach(() => Promise.all(lives.splice(0).map((life) => life.stop())))
afterAll(async () => {
  await stopAll()
  rmSync(dir, { recursive: true })
})

function lifeOn(surroundings: ConstructorParameters<typeof GroupLife>[0]): GroupLife {
  const life = new GroupLife(surroundings)
  lives.push(life)
  return life
}

/** Where a server is, as options of ioredis. */
function at({ port }: RedisServer, tls: object | undefined): object {
  return { host: '127.0.0.1', port, ...(tls && { tls }) }
}

it('a group lives its whole life over TLS', async () => {
  const life = lifeOn({ redis: at(server, { ca: authority.cert }), server })
  expect((await life.live()).toSorted()).toEqual(life.written.toSorted())
  expect([...life.warnings]).toEqual([])
})

it('and over mutual TLS', async () => {
  const client = await authority.issue()
  const life = lifeOn({ redis: at(mutual, { ca: authority.cert, ...client }), server: mutual })
  expect((await life.live()).toSorted()).toEqual(life.written.toSorted())
})

it('the lease may have its own servers, each with a CA of its own', async () => {
  const nodes = await Promise.all(
    [authority, stranger, authority].map(async (ca) => ({
      ca: ca.cert,
      lease: await startRedis({ tls: { ...(await ca.issue()), ca: ca.cert } }),
    })),
  )
  const leaseRedis = nodes.map(({ ca, lease }) => at(lease, { ca }))
  const life = lifeOn({ redis: at(server, { ca: authority.cert }), leaseRedis, server })
  const node = await life.node('a')
  expect(await node.write('add', 'x')).toBe(1)
  for (const { lease } of nodes)
    expect(await lease.command('EXISTS', `leasehold:{${life.group}}:lease`)).toBe(1)
})

it('the settings may come from a client that the app has already', async () => {
  const client = new Redis({ ...at(server, { ca: authority.cert }), lazyConnect: true })
  const life = lifeOn({ redis: client, leaseRedis: client, server })
  const node = await life.node('a')
  expect(await node.write('add', 'x')).toBe(1)
  expect(client.status).toBe('wait') // it is never used itself
})

describe('a start is refused, and leaves nothing running,', () => {
  const PASSWORD = 'do-not-tell'

  async function refusal(options: Pick<NodeOptions, 'redis' | 'lease'>): Promise<LeaseholdError> {
    const before = handleSnapshot()
    const node = createNode({ group: 'refused', startTimeoutMs: 1000, ...options })
    const error = await node.start().then(
      () => undefined,
      (reason: LeaseholdError) => reason,
    )
    expect(error).toMatchObject({ code: 'REDIS_UNREACHABLE', retryable: true })
    expect(node.role).toBe('stopped')
    await expectNoOpenHandles(before)
    const { message, stack } = error as LeaseholdError
    expect(`${message}${stack}`).not.toMatch(/do-not-tell|PRIVATE/)
    return error as LeaseholdError
  }

  const to = (redis: RedisServer, tls: object) => ({ ...at(redis, tls), username: 'u', password: PASSWORD })

  it('where the CA is none that is trusted', async () => {
    const { message } = await refusal({ redis: to(server, {}) })
    expect(message).toBe(
      `Redis at rediss://127.0.0.1:${server.port} cannot be reached: self-signed certificate in certificate chain`,
    )
  })

  it('also by its URL', async () => {
    const { message } = await refusal({ redis: `rediss://u:${PASSWORD}@127.0.0.1:${server.port}` })
    expect(message).toContain('self-signed certificate in certificate chain')
  })

  it('where the certificate is for another host', async () => {
    const elsewhere = await startRedis({
      tls: { ...(await authority.issue({ hosts: ['redis.test'] })), ca: authority.cert },
    })
    const { message } = await refusal({ redis: to(elsewhere, { ca: authority.cert }) })
    expect(message).toContain("Hostname/IP does not match certificate's altnames")
    const life = lifeOn({
      redis: at(elsewhere, { ca: authority.cert, servername: 'redis.test' }),
      server: elsewhere,
    })
    expect((await life.node('a')).isLeader).toBe(true)
  })

  it('where a client certificate is asked for and there is none', async () => {
    const { message } = await refusal({ redis: to(mutual, { ca: authority.cert }) })
    expect(message).toMatch(/certificate/)
  })

  it('where the lease node is the one', async () => {
    const { message } = await refusal({
      redis: at(server, { ca: authority.cert }),
      lease: { redis: to(mutual, { ca: stranger.cert, ...certificate }) },
    })
    expect(message).toContain(`rediss://127.0.0.1:${mutual.port} cannot be reached: self-signed certificate`)
  })
})

describe('a process with rediss:// and NODE_EXTRA_CA_CERTS', () => {
  /** The CA as a file, as an operator gives it. */
  function caFile({ cert }: Authority): Record<string, string> {
    const path = join(dir, 'ca.pem')
    writeFileSync(path, cert)
    return { NODE_EXTRA_CA_CERTS: path }
  }

  it('reaches its Redis', async () => {
    const life = lifeOn({ redis: server.url, server })
    const member = await life.process('a', caFile(authority))
    expect(await member.write('x')).toMatchObject({ code: 'OK' })
    await eventually(async () => (await member.ledger()).items.includes('x'))
  })

  it('does not reach one of another CA', async () => {
    const life = lifeOn({ redis: server.url, server, startTimeoutMs: 1000 })
    await expect(life.process('a', caFile(stranger))).rejects.toThrow(/REDIS_UNREACHABLE|self-signed/)
  })
})
