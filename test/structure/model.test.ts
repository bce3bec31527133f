import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT, textOf } from './source-files.js'

const page = textOf('docs/model.md') ?? ''
const model = textOf('model/leasehold.pml') ?? ''

/** All runs of the model, by kind: each a list of words, with the name or the expected assertion first. */
const runs = JSON.parse(
  execFileSync(process.execPath, [
    '--input-type=module',
    '-e',
    `import * as runs from ${JSON.stringify(pathToFileURL(join(ROOT, 'scripts/lib/model-runs.mjs')).href)}
     console.log(JSON.stringify(runs))`,
  ]).toString(),
) as Record<'CONFIGURATIONS' | 'MUTANTS' | 'REDUNDANT' | 'UNSHOWN' | 'OPEN', string[][]>

const all = Object.values(runs).flat(2)
const namesIn = (text: string, pattern: RegExp) => [...new Set(text.match(pattern))].toSorted()

/** In comments the header names them as a pattern, so only what is looked at counts. */
const mutants = namesIn(model, /(?<=(?:ifdef|ifndef|defined\()\s*)M_[A-Z_]+/g)
const assertions = namesIn(model, /(?<=assert\()G\d+_[A-Z]+/g)

it('there are mutants and assertions in the model', () => {
  expect(mutants.length).toBeGreaterThan(30)
  expect(assertions.length).toBeGreaterThan(8)
})

it('each mutant is run, and each that is run is there', () => {
  expect(namesIn(all.join(' '), /\bM_[A-Z_]+/g)).toEqual(mutants)
})

it('each assertion is shown to be able to fail, and each that is expected to is there', () => {
  const expected = [...runs.MUTANTS, ...runs.REDUNDANT, ...runs.OPEN].map(([name]) => name)
  expect([...new Set(expected)].toSorted()).toEqual(assertions)
})

it('each bound and story of a run is one that the model looks at', () => {
  const bounds = all
    .filter((word) => /^[A-Z][A-Z_]*(=\d+)?$/.test(word))
    .map((word) => word.replace(/=.*/, ''))
  for (const bound of new Set(bounds)) expect(model).toMatch(new RegExp(`\\b${bound}\\b`))
})

it('the page names each mutant and each assertion, and no others', () => {
  expect(namesIn(page, /\bM_[A-Z_]+/g)).toEqual(mutants)
  expect(namesIn(page, /\bG\d+_[A-Z]+/g)).toEqual(assertions)
})

it('the page names each known error, and no others', () => {
  expect(namesIn(page, /\bSTORY_[A-Z]+/g)).toEqual(namesIn(runs.OPEN.flat().join(' '), /\bSTORY_[A-Z]+/g))
})

it.each(namesIn(page, /(?<=`)[\w./-]+\.(?:ts|lua|mjs|pml)(?=`)/g))(
  '%s, which the page names, exists',
  (path) => {
    const places = [path, `packages/core/src/${path}`, `packages/core/src/redis/scripts/${path}`]
    expect(places.some((place) => existsSync(join(ROOT, place)))).toBe(true)
  },
)

it('the guarantees and the architecture lead to the page', () => {
  expect(textOf('docs/guarantees.md')).toContain('(model.md)')
  expect(textOf('docs/ARCHITECTURE.md')).toContain('(model.md)')
})
