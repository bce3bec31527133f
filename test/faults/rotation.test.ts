import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type LedgerProcess, LedgerProcesses } from './ledger-process.js'

afterAll(stopAll)

let redis: RedisServer
let group: LedgerProcesses

beforeAll(async () => {
  redis = await startRedis()
})

beforeEach(() => {
  group = new LedgerProcesses({ redis: redis.url, lease: { ttlMs: 1000 } })
})

/** The first leads. */
async function startThree(): Promise<[LedgerProcess, LedgerProcess, LedgerProcess]> {
  const first = await group.add('first')
  await first.leads()
  return [first, await group.add('second'), await group.add('third')]
}

const field = async (name: string) => String(await redis.command('HGET', group.keys.meta, name))

const sign = (process: LedgerProcess, text = 'text') => process.call<string>('sign', text)

async function believes(process: LedgerProcess, signature: string, text = 'text'): Promise<boolean> {
  return process.call<boolean>('verify', { text, signature })
}

/** Has each sign and each verify, one after the other, until it is stopped. */
function startChecks(processes: readonly LedgerProcess[]) {
  const refused: string[] = []
  let checks = 0
  const stopping = new AbortController()
  const check = async (from: LedgerProcess) => {
    const text = `${checks++}`
    const signature = await sign(from, text)
    for (const to of processes) {
      if (!(await believes(to, signature, text))) refused.push(`${from.name} by ${to.name}`)
    }
  }
  const ended = (async () => {
    while (!stopping.signal.aborted) for (const from of processes) await check(from)
  })()
  return {
    refused,
    get checks() {
      return checks
    },
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

const STEPS: [string, (old: string) => Promise<boolean>][] = [
  ['step 1', async () => (await field('nextSecret')) !== ''],
  ['step 2', async (old) => (await field('previousSecret')) === old],
]

describe.each(STEPS)('kill -9 of the instance that rotates, after %s', (_, reached) => {
  it.each([
    ['a follower', false],
    ['the leader', true],
  ])('%s: all go on believing each other, and another one finishes it', async (_who, leads) => {
    const [first, second, third] = await startThree()
    const [rotator, finisher] = leads ? [first, second] : [second, first]
    const others = [finisher, third]
    const old = await field('secret')
    const signed = await sign(first)
    const checks = startChecks(others)
    rotator.call('rotateSecret', 60_000).catch(() => {}) // it takes its answer along
    await eventually(() => reached(old), { intervalMs: 1 })
    await rotator.program.kill9()

    for (const process of others) expect(await believes(process, signed)).toBe(true)
    expect(await finisher.call('rotateSecret', 500)).toEqual({ code: 'OK' })
    for (const process of others) expect(await believes(process, signed)).toBe(false)
    await checks.stop()
    expect(checks.refused).toEqual([])
    expect(checks.checks).toBeGreaterThan(50)
    expect(await field('secret')).not.toBe(old)
    expect([await field('previousSecret'), await field('nextSecret')]).toEqual(['', ''])
  })
})

it('an instance that stands still for some heartbeats is waited for, and nothing that it says then is refused', async () => {
  group = new LedgerProcesses({ redis: redis.url, lease: { ttlMs: 1000 }, heartbeatMs: 1000 })
  const [first, second, third] = await startThree()
  const old = await field('secret')
  const signed = await sign(third)
  await third.program.pause()
  const rotation = first.call('rotateSecret', 0)
  await eventually(async () => (await field('nextSecret')) !== '')
  await sleep(1500) // long enough for a step that would not wait
  expect([await field('secret'), await field('previousSecret')]).toEqual([old, ''])

  const checks = startChecks([first, second, third])
  third.program.resume()
  expect(await rotation).toEqual({ code: 'OK' })
  await checks.stop()
  expect(checks.refused).toEqual([])
  for (const process of [first, second, third]) expect(await believes(process, signed)).toBe(false)
})
