import { filesIn, withoutComments } from './source-files.js'

const files = [
  'packages/core/src',
  'packages/http/src',
  'packages/express-adapter/src',
  'packages/fastify-adapter/src',
  'packages/cli/src',
]
  .flatMap((folder) => filesIn(folder, '.ts'))
  .filter(({ path }) => !path.endsWith('/clock.ts'))

it.each([
  ['the wall clock', /\bDate\.now\b|\bnew Date\b/],
  ['a timer of its own', /\bset(?:Timeout|Interval)\b|node:timers/],
  ['a clock of its own', /\bperformance\.now\b|\bhrtime\b/],
])('nothing but clock.ts uses %s', (_, pattern) => {
  const users = files.filter(({ text }) => pattern.test(withoutComments(text)))
  expect(users.map(({ path }) => path)).toEqual([])
})
