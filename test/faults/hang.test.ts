import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeOptions } from '@leasehold/core'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { eventually } from '../support/deadline.js'
import { startProgram } from '../support/program.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import { type Blocked, hang, signalFile } from './hung.js'
import { grantsOn, startLeaseNodes, valuesOf } from './lease-nodes.js'
import { callOf } from './ledger-group.js'
import { type LedgerProcess, LedgerProcesses } from './ledger-process.js'
import { readLog, replicasEqualLog } from './ledger.js'

/** Nobody waits for it to run out: whoever leads within a test was let. */
const TTL_MS = 60_000

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(stopAll)

/** A leader and those who could be the next. */
async function group(
  options: Partial<NodeOptions>,
  count = 2,
): Promise<{ processes: LedgerProcesses; leader: LedgerProcess; others: LedgerProcess[] }> {
  const processes = new LedgerProcesses({ redis: redis.url, lease: { ttlMs: TTL_MS }, ...options })
  const leader = await processes.add('leader')
  await leader.leads()
  const others = await Promise.all(Array.from({ length: count - 1 }, (_, n) => processes.add(`other-${n}`)))
  return { processes, leader, others }
}

/** Waits until one of them leads. */
async function nextOf(others: readonly LedgerProcess[]): Promise<LedgerProcess> {
  return eventually(
    async () => {
      const looks = await Promise.all(others.map((other) => other.look()))
      return others[looks.findIndex(({ leads }) => leads)]
    },
    { message: 'another leader' },
  )
}

/** Waits until nobody has the lease of a group. */
async function isFree(key: string, timeoutMs?: number): Promise<void> {
  const free = async () => (await redis.command('GET', key)) === null
  await eventually(free, { ...(timeoutMs && { timeoutMs }), message: 'the lease to be given back' })
}

/** It has never been demoted, and takes writes. */
async function expectUndisturbed(leader: LedgerProcess, term: number): Promise<void> {
  expect(await leader.write('after')).toMatchObject({ code: 'OK', term })
  const { happened, warnings } = await leader.look()
  expect(happened).toEqual([{ event: 'elected', term }])
  expect(warnings.map(({ code }) => code)).not.toContain('EVENT_LOOP_HUNG')
}

/** Its writes got honest answers, none is in twice, and it follows. */
async function expectDeposed(
  processes: LedgerProcesses,
  leader: LedgerProcess,
  { term, leads, answers }: Blocked,
): Promise<void> {
  expect(leads).toBe(false)
  const items = [
    'submitted before',
    'in the same turn',
    'in a microtask',
    'in the next turn',
    'a millisecond later',
  ]
  const log = (await readLog(redis, processes.name)).map(({ item }) => item)
  expect(new Set(log).size).toBe(log.length)
  answers.forEach(({ code }, i) => {
    expect([code, log.includes(items[i] ?? '')]).toEqual(['NOT_LEADER', false])
  })
  const { happened, warnings } = await leader.look()
  expect(happened).toEqual([
    { event: 'elected', term },
    { event: 'demoted', term, reason: 'expired' },
  ])
  expect(warnings).toContainEqual({
    code: 'EVENT_LOOP_HUNG',
    message: expect.stringMatching(/stood still for \d{4,} ms/),
  })
}

describe('G10: a leader whose event loop hangs', () => {
  it('is replaced while it does, long before its lease is over, and follows when it goes on', async () => {
    const { processes, leader, others } = await group({}, 3)
    const { term } = await leader.look()
    await leader.write('before')
    const { goOn } = await hang(leader)
    const next = await nextOf(others)
    expect(await next.write('by the next')).toMatchObject({ code: 'OK', place: 2 })

    await expectDeposed(processes, leader, await goOn())
    expect((await next.look()).term).toBeGreaterThan(term)
    await replicasEqualLog(redis, processes.name, [leader, ...others])
    expect(await next.write('and after')).toMatchObject({ code: 'OK', place: 3 })
    expect((await next.look()).warnings).not.toContainEqual(
      expect.objectContaining({ code: 'EVENT_LOOP_HUNG' }),
    )
  })

  it('and so it is with three nodes for the lease, one of them dead', async () => {
    const nodes = await startLeaseNodes(3)
    const { processes, leader, others } = await group({
      lease: { redis: nodes.map(({ url }) => url), ttlMs: TTL_MS },
    })
    await nodes[1]?.kill()
    const living = nodes.filter((_, i) => i !== 1)
    const [value] = await valuesOf(living, processes.keys.lease)
    const { goOn } = await hang(leader)
    const next = await nextOf(others)
    expect(await valuesOf(living, processes.keys.lease)).not.toContain(value)
    expect(await next.write('by the next')).toMatchObject({ code: 'OK' })
    await expectDeposed(processes, leader, await goOn())
    await replicasEqualLog(redis, processes.name, [leader, ...others])
  })

  it('leads again, in another term, where nobody else could', async () => {
    const { processes, leader } = await group({ hangAfterMs: 300 }, 1)
    const { goOn } = await hang(leader)
    await isFree(processes.keys.lease)
    const { term } = await goOn()
    expect((await leader.leads()).term).toBeGreaterThan(term)
    expect(await leader.write('led again')).toMatchObject({ code: 'OK' })
    await replicasEqualLog(redis, processes.name, [leader])
  })

  it('does not get its lease back by a renewal that was on its way', async () => {
    const way = await startProxy({ targetPort: redis.port })
    const lease = { redis: `redis://127.0.0.1:${way.port}`, ttlMs: 6000 }
    const { processes, leader } = await group({ hangAfterMs: 300, lease }, 1)
    await way.holdWhen('toServer', callOf('renewLease'))
    const { goOn } = await hang(leader)
    await isFree(processes.keys.lease)

    const before = await grantsOn(redis)
    way.release()
    await eventually(async () => (await grantsOn(redis)) > before, { message: 'the renewal' })
    await isFree(processes.keys.lease, lease.ttlMs / 2)
    const { term, leads } = await goOn()
    expect(leads).toBe(false)
    expect((await leader.leads()).term).toBeGreaterThan(term)
  })
})

describe('a leader goes on in its term', () => {
  it('after short blocks, however many', async () => {
    const { leader } = await group({})
    const { term } = await leader.look()
    for (let n = 0; n < 8; n++) {
      const { answers } = await leader.call<Blocked>('block', 500)
      expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['OK']))
    }
    await expectUndisturbed(leader, term)
  })

  it('after a stop of the whole process, which its lease is there for', async () => {
    const { leader } = await group({ hangAfterMs: 600 })
    const { term } = await leader.look()
    await leader.program.pause()
    await sleep(3000) // the fault itself lasts so long
    leader.program.resume()
    await expectUndisturbed(leader, term)
  })

  it('after such a stop in the middle of a short block: its thread stood still, too', async () => {
    const { leader } = await group({ hangAfterMs: 5000 })
    const { term } = await leader.look()
    const { goOn } = await hang(leader)
    await leader.program.pause()
    await sleep(6000)
    leader.program.resume()
    await sleep(1000) // two looks of the thread: by a clock the hang lasts for seven seconds
    expect((await goOn()).leads).toBe(true)
    await expectUndisturbed(leader, term)
  })

  it('after a long block where that is switched off', async () => {
    const { leader, others } = await group({ hangAfterMs: false })
    const { term } = await leader.look()
    await leader.call<Blocked>('block', 4000)
    await expectUndisturbed(leader, term)
    expect((await others[0]?.look())?.happened).toEqual([])
  })

  it('after a hang in which its thread reaches no majority, so that nobody could take its place', async () => {
    const nodes = await startLeaseNodes(3)
    const lease = { redis: nodes.map(({ url }) => url), ttlMs: TTL_MS }
    const { leader } = await group({ hangAfterMs: 300, lease })
    const { term } = await leader.look()
    const [first, ...others] = nodes
    await Promise.all(others.map((node) => node.pause()))
    const { goOn } = await hang(leader)
    // Whoever gives a lease back does so again and again; this one is connected, and does nothing.
    const waits = async () =>
      /name=leasehold:\S+:lease-watch .* idle=[1-9]/.test(String(await first?.command('CLIENT', 'LIST')))
    await eventually(waits, { message: 'the thread to wait for a majority' })
    expect((await goOn()).leads).toBe(true)
    for (const node of others) node.resume()
    await expectUndisturbed(leader, term)
  })
})

describe.each(['esm', 'cjs'])('with the %s build', (half) => {
  /** An app that only elects, hangs as soon as it leads, stops, and ends by itself. */
  const app = (options: Partial<NodeOptions>) => `
    import { existsSync } from 'node:fs'
    import { send } from './support/program-port.mjs'
    const core = await import(${JSON.stringify(join(__dirname, '../../packages/core/dist', half, 'index.js'))})
    const logged = []
    const ignore = () => {}
    const logger = { debug: (_, text) => logged.push(text), info: ignore, warn: ignore, error: ignore }
    const node = core.createNode({ ...${JSON.stringify(options)}, logger })
    const codes = []
    node.on('warning', ({ code }) => codes.push(code))
    const hung = new Promise((resolve) => {
      node.on('elected', () => {
        send({ hanging: true })
        while (!existsSync(process.env.FILE));
        resolve(node.isLeader)
      })
    })
    void node.start()
    const leads = await hung
    await node.stop()
    send({ leads, codes, logged })`

  const isReport = (message: object) => 'codes' in message

  it('gives the lease back for an app that hangs when it hears that it leads', async () => {
    const name = `hang-${randomUUID().slice(0, 8)}`
    const options = { group: name, redis: redis.url, lease: { ttlMs: TTL_MS }, hangAfterMs: 300 }
    const { file, give } = signalFile()
    const program = await startProgram(app(options), { env: { FILE: file } })
    await program.next(({ hanging }) => hanging === true)
    await isFree(keysOf(name).lease)
    give()
    const { leads, codes } = await program.next(isReport)
    expect([leads, codes]).toEqual([false, expect.arrayContaining(['EVENT_LOOP_HUNG'])])
    expect(await program.exited).toEqual({ code: 0, signal: null })
  })

  it('says so in the debug log, and nowhere else, where Node starts no threads', async () => {
    const name = `hang-${randomUUID().slice(0, 8)}`
    const options = { group: name, redis: redis.url, lease: { ttlMs: TTL_MS }, hangAfterMs: 300 }
    const { file, give } = signalFile()
    give()
    const flags = process.allowedNodeEnvironmentFlags
    const permission = flags.has('--permission') ? '--permission' : '--experimental-permission'
    const nodeArgs = [permission, '--allow-fs-read=*', ...(flags.has('--allow-net') ? ['--allow-net'] : [])]
    const program = await startProgram(app(options), { env: { FILE: file }, nodeArgs })
    const { codes, logged } = await program.next(isReport)
    expect(logged).toContainEqual(expect.stringContaining('no thread can be started'))
    expect(codes).toEqual(['PERSISTENCE_OFF'])
    expect(await program.exited).toEqual({ code: 0, signal: null })
  })
})
