import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RedisTarget } from '@leasehold/core'
import { hang } from '../faults/hung.js'
import { LedgerProcesses } from '../faults/ledger-process.js'
import { Authority } from '../support/certificates.js'
import { eventually } from '../support/deadline.js'
import { freePort } from '../support/free-port.js'
import { type OwnedProcess, own } from '../support/owned-process.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { documentedAcl } from './documented-acl.js'

const dir = mkdtempSync(join(tmpdir(), 'leasehold-hang-'))
let log: RedisServer
let sentinel: OwnedProcess | undefined

beforeAll(async () => {
  log = await startRedis()
})
afterAll(async () => {
  await sentinel?.kill9()
  await stopAll()
  rmSync(dir, { recursive: true })
})

/** A leader that hangs gives its lease back there, long before it is over. */
async function expectGivenBack(
  target: RedisTarget,
  server: RedisServer,
  group?: string,
  db = 0,
): Promise<void> {
  const lease = { redis: target, ttlMs: 60_000 }
  const processes = new LedgerProcesses({ redis: log.url, lease, hangAfterMs: 400 })
  const leader = await processes.add('leader', group === undefined ? {} : { group })
  await leader.leads()
  const { goOn } = await hang(leader)
  const key = `leasehold:{${group ?? processes.name}}:lease`
  const isFree = async () => {
    await server.command('SELECT', db)
    return (await server.command('GET', key)) === null
  }
  await eventually(isFree, { message: 'the lease to be given back' })
  expect((await goOn()).leads).toBe(false)
  const { warnings } = await leader.look()
  expect(warnings.map(({ code }) => code)).toEqual(['PERSISTENCE_OFF', 'EVENT_LOOP_HUNG'])
  await leader.program.terminate()
}

describe('the thread that gives the lease of a hung leader back gets in', () => {
  it('by a URL with a user, a password and a database', async () => {
    const server = await startRedis()
    await server.command('ACL', 'SETUSER', 'me', 'on', '>p@ss:word/', '~*', '&*', '+@all')
    const password = encodeURIComponent('p@ss:word/')
    await expectGivenBack(`redis://me:${password}@localhost:${server.port}/3`, server, undefined, 3)
  })

  it('by a password that the server does not ask for', async () => {
    const server = await startRedis()
    await expectGivenBack(`redis://:needless@127.0.0.1:${server.port}`, server)
  })

  it('by the path of a socket', async () => {
    const path = join(dir, 'redis.sock')
    const server = await startRedis({ args: ['--unixsocket', path] })
    await expectGivenBack(path, server)
  })

  it('as the documented user of a lease node, over mutual TLS', async () => {
    const [authority, acl] = [await Authority.create(), documentedAcl('lease')]
    const { cert: ca } = authority
    const server = await startRedis({ tls: { ...(await authority.issue()), ca, clientCerts: true } })
    await server.command('ACL', 'SETUSER', ...acl.args)
    const { user: username, password } = acl
    const tls = { ca, ...(await authority.issue()) }
    const target = { host: '127.0.0.1', port: server.port, username, password, tls }
    await expectGivenBack(target, server, 'bank')
    const refused = (await server.command('ACL', 'LOG')) as string[][]
    // Servers from 7.2 on know a command of ioredis that the user lacks in this rule set.
    expect(refused.map((entry) => entry[entry.indexOf('object') + 1])).not.toContainEqual(
      expect.not.stringMatching(/^client\|setinfo$/),
    )
  })

  it('where the sentinels say', async () => {
    const server = await startRedis()
    const port = await freePort()
    const file = join(dir, 'sentinel.conf')
    writeFileSync(
      file,
      `port ${port}\nbind 127.0.0.1\ndir ${dir}\nsentinel monitor bank 127.0.0.1 ${server.port} 1\n`,
    )
    sentinel = await own(process.env['REDIS_SERVER_BIN'] ?? 'redis-server', [file, '--sentinel'])
    await expectGivenBack({ sentinels: [{ host: '127.0.0.1', port }], name: 'bank' }, server)
  })
})
