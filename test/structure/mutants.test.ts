import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesIn, ROOT, textOf } from './source-files.js'

/** The list as text: a test is CommonJS, and the list is not. */
const list = textOf('test/mutation/mutants.mjs') ?? ''

/** The list itself, by a process that can load it. */
function mutants(): { name: string; file: string; find: string }[] {
  const url = pathToFileURL(join(ROOT, 'test/mutation/mutants.mjs')).href
  const program = `import { mutants } from '${url}'; console.log(JSON.stringify(mutants))`
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }),
  )
}

it('every check that is taken away stands exactly once in its file', () => {
  const found = mutants().map(({ name, file, find }) => [name, (textOf(file) ?? '').split(find).length - 1])
  expect(found.length).toBeGreaterThan(50)
  expect(found.filter(([, times]) => times !== 1)).toEqual([])
})

it('names tests that exist', () => {
  const tests = [...list.matchAll(/'((?:packages|test)\/[\w./-]+\.test\.ts)'/g)].map(([, path = '']) => path)
  expect(tests.length).toBeGreaterThan(10)
  expect([...new Set(tests)].filter((path) => textOf(path) === undefined)).toEqual([])
})

it('has a mutant for every script that checks something', () => {
  // They refuse nothing on which a promise rests, or have tests of their own.
  const others = ['check-access', 'import-snapshot', 'pause', 'publish-member', 'read-orders']
  const scripts = filesIn('packages/core/src/redis/scripts', '.lua')
  const checks = scripts
    .filter(({ path, text }) => /^if /m.test(text) && !others.some((name) => path.endsWith(`/${name}.lua`)))
    .map(({ path }) => path)
  const without = checks.filter(
    (path) => !list.includes(`'${path.replace(/^.*\//, '').replace('.lua', '')}'`),
  )
  expect(without).toEqual([])
})
