import { type LedgerProcess, LedgerProcesses } from '../../../test/faults/ledger-process.js'
import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { threeOf } from '../../../test/switchover/operators.js'
import { leasehold, type Ran, recordIn } from './cli.js'

/** Short, so that somebody would lead long before the end of the test, were there no pause. */
const TTL_MS = 1000

let redis: RedisServer
let group: LedgerProcesses
let a: LedgerProcess
let b: LedgerProcess
let c: LedgerProcess

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
  group = new LedgerProcesses({ redis: redis.url, lease: { ttlMs: TTL_MS } })
  ;[a, b, c] = await threeOf(group)
})
afterAll(stopAll)

const run = (...args: string[]): Promise<Ran> => leasehold([...args, '--redis', redis.url, '-g', group.name])
const leads = async () =>
  (await Promise.all([b, c].map(async (each) => (await each.look()).leads))).includes(true)

it('a leader that is killed while the group is paused is followed by nobody until resume', async () => {
  const paused = await run('pause', '--for', '10m')
  expect(paused).toMatchObject({ code: 0 })
  expect(paused.out).toContain(`Group ${group.name} is paused for 10 min`)
  await a.program.kill9()
  const free = async () => (await redis.command('EXISTS', group.keys.lease)) === 0
  await eventually(free, { message: 'the lease to run out' })
  // Its process is gone, so its subscription is, too: status does not wait for missed heartbeats.
  const without = await run('status', '--json')
  expect(without.code).toBe(75)
  expect(recordIn(without)).toMatchObject({
    leader: null,
    lastLeader: { id: expect.stringMatching(/^a-/) },
    paused: true,
  })
  const doctor = await run('doctor')
  expect(doctor.code).toBe(1)
  expect(doctor.out).toContain('The group is paused, and nobody leads')
  const startedMs = performance.now()
  while (performance.now() < startedMs + 2 * TTL_MS) {
    expect(await leads()).toBe(false)
    expect(await free()).toBe(true)
  }
  expect(await run('switchover', '--yes', '--to', 'b')).toMatchObject({ code: 75 })

  const resumed = await run('resume', '--json')
  expect(resumed.code).toBe(0)
  expect(recordIn(resumed)).toMatchObject({ group: group.name, paused: false, pauseLeftMs: null })
  await eventually(leads, { message: 'somebody to lead' })
  expect(await run('status')).toMatchObject({ code: 0 })
})
