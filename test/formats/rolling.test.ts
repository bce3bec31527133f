import { rmSync } from 'node:fs'
import { checkLists } from '../support/check-lists.js'
import { checkRegisters } from '../support/check-registers.js'
import { checkSessions } from '../support/check-sessions.js'
import { eventually } from '../support/deadline.js'
import { hasWritten } from '../support/history.js'
import { type Instance, InstanceGroup } from '../support/instances.js'
import { startLoad } from '../support/load.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { type Previous, previousRelease } from './previous.js'
import { APP, GROUP, settled } from './scenario.js'

let previous: Previous

beforeAll(() => {
  previous = previousRelease()
})
afterAll(async () => {
  await stopAll()
  rmSync(previous.folder, { recursive: true, force: true })
})

test('the packages are upgraded instance by instance under load, and taken back, and no client notices', async () => {
  process.stderr.write(`the release before is ${previous.from}\n`)
  const redis = await startRedis({ appendOnly: 'everysec' })
  const [before, after] = [previous.script, APP].map(
    (script) =>
      new InstanceGroup({ redis, name: GROUP, ttlMs: 1000, script, env: { SNAPSHOT_ENTRIES: '200' } }),
  ) as [InstanceGroup, InstanceGroup]
  const serving: Instance[] = []
  const load = startLoad({ urls: () => serving.map(({ url }) => url), clients: 6, seed: 3 })
  const isLeader = async (each: Instance) => (await each.leads()) && each
  const leader = () =>
    eventually(async () => (await Promise.all(serving.map(isLeader))).find((each) => each !== false), {
      message: 'a leader',
    })
  const goesOn = async () => {
    const done = load.history.filter(hasWritten).length
    await eventually(() => load.history.filter(hasWritten).length >= done + 40, {
      message: 'writes to go on',
    })
  }
  const replace = async (old: Instance, group: InstanceGroup) => {
    serving.splice(serving.indexOf(old), 1)
    expect(await old.terminate()).toEqual({ code: 0, signal: null })
    serving.push(await group.add())
    await goesOn()
  }

  serving.push(...(await Promise.all([before.add(), before.add(), before.add()])))
  await goesOn()
  // The leader first: one of before leads one of after.
  await replace(await leader(), after)
  expect(before.instances).toContain(await leader())
  await replace(await leader(), after)
  for (const last of before.instances) await replace(last, after)
  expect([before.instances.length, after.instances.length]).toEqual([0, 3])
  // And back: one of after leads one of before.
  await replace(await leader(), before)
  expect(after.instances).toContain(await leader())

  const history = await load.stop()
  expect(history.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  const { state } = await settled(serving)
  const lists = new Map(Object.entries(state.lists).map(([slot, items]) => [slot.slice(1), items]))
  expect(checkLists(history, [{ replica: 'the group', lists }])).toEqual([])
  expect(checkRegisters(history)).toEqual([])
  expect(checkSessions(history)).toEqual([])
  const { audit } = (await (await leader()).status()).instance
  expect(audit.rebuilds).toBe(0)
})
