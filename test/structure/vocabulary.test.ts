import { filesIn, identifiersIn, textOf } from './source-files.js'

/** Words that mean what other words here mean (DESIGN §1). */
const BANNED = new Set(['master', 'slave', 'primary', 'epoch', 'generation', 'seq'])

const files = [
  'packages/core/src',
  'packages/http/src',
  'packages/express-adapter/src',
  'packages/fastify-adapter/src',
  'packages/cli/src',
  'examples',
].flatMap((folder) => filesIn(folder, '.ts'))

/** `masterId`, `MASTER_ID` and `master_id` are two words each. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
}

it('one word for each thing, in names', () => {
  const wrong = files.flatMap(({ path, text }) =>
    [...new Set(identifiersIn(text))]
      .filter((name) => wordsOf(name).some((word) => BANNED.has(word.replace(/s$/, ''))))
      .map((name) => `${path}: ${name}`),
  )
  expect(wrong).toEqual([])
})

it('the README says once what other texts call leader and follower', () => {
  const readme = textOf('README.md') ?? 'master slave'
  expect(readme.match(/\bmaster\b/gi)).toHaveLength(1)
  expect(readme.match(/\bslave\b/gi)).toHaveLength(1)
})

it.each(files.map(({ path, text }) => [path, text.split('\n').length - 1] as const))(
  '%s is no longer than 300 lines (%i)',
  (_, lines) => {
    expect(lines).toBeLessThanOrEqual(300)
  },
)
