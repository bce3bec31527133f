import { OptionsError } from '../../src/errors.js'
import { openOperator } from '../../src/operator/index.js'
import { errorOf } from '../error-of.js'

/** Nobody listens there. */
const redis = 'redis://127.0.0.1:1'

it('may give a command as long as an instance may, though it has no writes that would wait for it', async () => {
  expect(await errorOf(openOperator({ group: 'g', redis, commandTimeoutMs: 60_000 }))).toMatchObject({
    code: 'REDIS_UNREACHABLE',
  })
})

it('says which of its own options is wrong', async () => {
  const error = await errorOf(openOperator({ group: 'g', redis, commandTimeoutMs: 60_001 }))
  expect(error).toBeInstanceOf(OptionsError)
  expect((error as OptionsError).problems).toEqual([expect.stringMatching(/^commandTimeoutMs is 60001 ms/)])
})
