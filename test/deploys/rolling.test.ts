import type { Instance } from '../support/instances.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type Code, problemsOf, Rollout } from './rollout.js'

/** Clients that ask instances over HTTP all the time, while these are replaced. It needs a build. */

let redis: RedisServer
let rollout: Rollout

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
afterEach(() => rollout.stop())
afterAll(stopAll)

/** Three instances under load. */
async function threeOf(code: Code, env: Record<string, string> = {}) {
  rollout = new Rollout(redis, env)
  await rollout.start(code)
  await Promise.all([rollout.start(code), rollout.start(code)])
  return rollout.startLoad(1)
}

/** Replaces all, those that lead as well, one after the other. */
async function deploy(code: Code): Promise<void> {
  for (const instance of [...rollout.serving]) {
    await rollout.writesGoOn()
    await rollout.replace(instance, code)
  }
  await rollout.writesGoOn()
}

async function refused(instance: Instance): Promise<void> {
  await eventually(async () => (await rollout.standing(instance)).halted !== null, { message: 'it to halt' })
  expect(await rollout.standing(instance)).toMatchObject({
    ...{ halted: 'VERSION_TOO_OLD', stale: true, eligible: false, role: 'follower' },
  })
  expect(await instance.request('GET', '/cluster/readyz')).toMatchObject({
    status: 503,
    body: { ok: false, reason: 'the replica does not apply the log: VERSION_TOO_OLD' },
  })
  expect((await instance.request('GET', '/cluster/livez')).status).toBe(200)
}

test('a command more, forward and back: no client notices', async () => {
  const load = await threeOf('v1')
  await deploy('v1 with tag')
  await deploy('v1')
  const history = await load.stop()
  expect(problemsOf(history, await rollout.settled())).toEqual([])
})

test('in two steps: first code that knows the command, then it is written; nobody halts', async () => {
  const load = await threeOf('v1')
  await deploy('v1 with tag')
  const [one] = rollout.serving as [Instance]
  expect(await one.request('PUT', '/tags/x', { body: { text: 'y' } })).toMatchObject({ status: 200 })
  await rollout.writesGoOn()
  const history = await load.stop()
  const held = await rollout.settled()
  expect(problemsOf(history, held)).toEqual([])
  expect(held.state.tags).toEqual({ x: 'y' })
  for (const instance of rollout.serving) {
    expect(await rollout.standing(instance)).toMatchObject({ halted: null, eligible: true })
    expect((await instance.request('GET', '/warnings')).body).toEqual({ tooOld: 0 })
  }
})

test('a new version in one step: no client notices, whoever halts meanwhile', async () => {
  const load = await threeOf('v1')
  await deploy('v2')
  const [one] = rollout.serving as [Instance]
  expect(await one.request('PUT', '/tags/x', { body: { text: 'y' } })).toMatchObject({ status: 200 })
  const history = await load.stop()
  const held = await rollout.settled()
  expect(problemsOf(history, held)).toEqual([])
  expect(held.state.tags).toEqual({ x: 'y' })
})

test('old instances halt at what a new version writes, say so, and the group goes on', async () => {
  rollout = new Rollout(redis)
  const leader = await rollout.start('v1')
  const old = [await rollout.start('v1', { ELIGIBLE: '0' }), await rollout.start('v1', { ELIGIBLE: '0' })]
  const load = rollout.startLoad(2)
  await rollout.writesGoOn()
  const newer = await rollout.start('v2')
  await rollout.writesGoOn()
  for (const instance of old) expect((await rollout.standing(instance)).halted).toBeNull() // it follows, no more

  await rollout.retire(leader) // of those that may lead, the new one is left
  for (const instance of old) await refused(instance)
  await rollout.writesGoOn() // through all of them
  expect(await newer.request('PUT', '/tags/x', { body: { text: 'y' } })).toMatchObject({ status: 200 })
  for (const instance of old) {
    expect((await instance.request('GET', '/warnings')).body).toEqual({ tooOld: 1 })
    expect((await instance.put('through the old one', 1)).status).toBe(200)
  }
  const { members } = (await newer.status()).group
  const versions = members
    .filter(({ alive }) => alive)
    .map((each) => (each as { appVersion?: number }).appVersion ?? 0)
  expect(versions.toSorted((a, b) => a - b)).toEqual([1, 1, 2])

  for (const instance of old) {
    await rollout.replace(instance, 'v2')
    await rollout.writesGoOn()
  }
  const history = await load.stop()
  const held = await rollout.settled()
  expect(problemsOf(history, held)).toEqual([])
  expect(held.state.tags).toEqual({ x: 'y' })
})

test('back before the new version has written: without a trace, from snapshots that it has taken', async () => {
  rollout = new Rollout(redis, { SNAPSHOT_ENTRIES: '300', TRAILING_ENTRIES: '50' })
  const meta = async (field: string) =>
    Number(await redis.command('HGET', `leasehold:{${rollout.name}}:meta`, field))
  const leader = await rollout.start('v1')
  const load = rollout.startLoad(3)
  const newer = [await rollout.start('v2', { ELIGIBLE: '0' }), await rollout.start('v2', { ELIGIBLE: '0' })]
  // Two snapshots by those that follow, and the log behind them is gone.
  const head = await meta('head')
  await eventually(async () => (await meta('first')) > head, { message: 'their snapshots' })
  for (const instance of newer) await rollout.replace(instance, 'v1')
  await rollout.replace(leader, 'v1')
  await rollout.writesGoOn()
  const history = await load.stop()
  expect(problemsOf(history, await rollout.settled())).toEqual([])
  expect(await meta('appVersion')).toBe(1)
  for (const instance of rollout.serving)
    expect((await instance.request('GET', '/warnings')).body).toEqual({ tooOld: 0 })
})

test('back after the new version has written: the old one refuses to start, and nothing is harmed', async () => {
  const load = await threeOf('v2')
  await rollout.writesGoOn()
  const [leaving] = rollout.serving as [Instance]
  await rollout.retire(leaving)
  await expect(rollout.start('v1')).rejects.toMatchObject({
    message: expect.stringMatching(
      /VERSION_TOO_OLD: The log of group .* holds entries that version 2 of the app wrote, this is version 1/,
    ),
  })
  await rollout.writesGoOn()
  await rollout.start('v2')
  await rollout.writesGoOn()
  const history = await load.stop()
  expect(problemsOf(history, await rollout.settled())).toEqual([])
})
