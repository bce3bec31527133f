import { textOf } from './source-files.js'

const page = textOf('docs/guarantees.md') ?? ''
const readme = textOf('README.md') ?? ''
const sections = page.split(/^## /m).slice(1)
const files = [...page.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, file = '']) => file)

it('every guarantee is there, in order', () => {
  expect(sections.map((section) => /^G\d+/.exec(section)?.[0])).toEqual(
    Array.from({ length: 10 }, (_, n) => `G${n + 1}`),
  )
})

it.each(sections)('%# says what it rests on, what breaks it, and what tests it', (section) => {
  expect(section).toMatch(/^- Rests on: /m)
  expect(section).toMatch(/^- Broken by: /m)
  expect(section).toMatch(/^- Tests: `/m)
})

it.each([...new Set(files)])('%s exists', (file) => {
  expect(textOf(file)).toBeDefined()
})

it('a loss that is said to be shown is shown', () => {
  const shown = [...page.matchAll(/^- Shown to be lost: `([^`]+)`, "([^"]+)"/gm)]
  expect(shown.length).toBeGreaterThan(0)
  for (const [, file = '', name = ''] of shown) expect(textOf(file)).toContain(name)
})

it('the README promises the same, by the same names', () => {
  const promised = [...readme.matchAll(/^\| (G\d+) \| \*\*([^*]+)\*\*/gm)].map(
    ([, number = '', name = '']) => `${number} ${name.replace(/[.,]$/, '')}`,
  )
  expect(promised).toEqual(sections.map((section) => section.split('\n')[0]))
})

it('the README leads to it', () => {
  expect(readme).toContain('(docs/guarantees.md)')
})
