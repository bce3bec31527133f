import { stopAllPrograms } from '../support/program.js'
import { runAll } from './runs.js'

afterAll(stopAllPrograms)

/** G7, with all that goes before it. */
test('what was acknowledged with a copy outlives whatever Redis loses, in one order, once', async () => {
  const runs = await runAll('losses', 400, [
    ...[
      'wipe',
      'emptyRestart',
      'rollback',
      'pause',
      'hang',
      'cut',
      'hold',
      'deafenOthers',
      'reset',
      'loseReply',
    ],
    ...['LOG_RE_SEEDED', 'LOG_LOST', 'log lost', 'diverged', 'demoted: fenced', 'elected'],
    ...['write ok', 'write unknown', 'read ok', 'read failed'],
  ])
  expect(runs).toEqual({ failures: [], missing: [] })
}, 3_600_000)
