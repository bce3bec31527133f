import { stopAllPrograms } from '../support/program.js'
import { runAll } from './runs.js'

afterAll(stopAllPrograms)

/** G1 to G6, G8, G9 and an end to every trouble (G10), over the real code and a Redis in memory. */
test('whatever happens to instances, connections and a Redis that keeps its data, clients see one history', async () => {
  const runs = await runAll('crashes', 100, [
    ...['kill', 'stop', 'pause', 'hang', 'cut', 'hold', 'deafen', 'reset', 'loseReply', 'switchover'],
    'restartRedis',
    ...['elected', 'demoted: expired', 'demoted: disconnected', 'demoted: switchover', 'demoted: stopped'],
    ...['write ok', 'write failed', 'write unknown', 'read ok', 'read failed'],
  ])
  expect(runs).toEqual({ failures: [], missing: [] })
}, 3_600_000)
