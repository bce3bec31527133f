import { expectToHaveBitten, runAll } from './runs.js'

/** G7, with all that goes before it. */
test('what was acknowledged with a copy outlives whatever Redis loses, in one order, once', async () => {
  const { failures, counts } = await runAll('losses', 100)
  expect(failures).toEqual([])
  expectToHaveBitten(counts, [
    ...['wipe', 'emptyRestart', 'rollback', 'pause', 'hang', 'cut', 'hold', 'reset', 'loseReply'],
    ...['LOG_RE_SEEDED', 'LOG_LOST', 'log lost', 'diverged', 'demoted: fenced', 'elected'],
    ...['write ok', 'write unknown', 'read ok', 'read failed'],
  ])
}, 3_600_000)
