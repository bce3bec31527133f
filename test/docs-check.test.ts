/**
 * What the checks of the docs must see: each is shown something that is wrong. They are ES modules, which Jest here cannot load:
 * a Node process asks them.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = join(__dirname, '..')

/** What an expression comes to in a process that has a module as `it`. */
function ask(module: string, expression: string): unknown {
  const program = `
    import * as it from ${JSON.stringify(pathToFileURL(join(ROOT, module)).href)}
    process.stdout.write(JSON.stringify(await (async () => ${expression})()))
  `
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }),
  )
}

const page = (...lines: string[]) => JSON.stringify([{ path: 'docs/quick-start.md', text: lines.join('\n') }])
const linkProblems = (...lines: string[]) =>
  ask('scripts/lib/docs-links.mjs', `it.linkProblems(${page(...lines)})`) as string[]

describe('links', () => {
  it('that lead to a page, a heading or a folder are right', () => {
    const good = [
      '[a](requests.md)',
      '[b](requests.md#a-write)',
      '[c](../examples)',
      '[d](https://example.org)',
    ]
    expect(linkProblems(...good)).toEqual([])
  })

  it('that lead nowhere are named with their lines', () => {
    const bad = ['[a](none.md)', '', '[b](requests.md#none)', '![c](images/none.svg)', '`[d](none.md)`']
    expect(linkProblems(...bad).map((problem) => problem.split(':', 2).join(':'))).toEqual([
      'docs/quick-start.md:1',
      'docs/quick-start.md:3',
      'docs/quick-start.md:4',
    ])
  })

  it('within fenced blocks are no links', () => {
    expect(linkProblems('```md', '[a](none.md)', '```')).toEqual([])
  })
})

describe('data', () => {
  const problems = (language: string, code: string) => {
    const text = page(`\`\`\`${language}`, code, '```')
    const found = ask('scripts/lib/docs-code.mjs', `it.dataProblems(${text})`)
    return (found as { problems: string[] }).problems
  }

  it.each([
    ['sh', 'echo "$HOME"', 'echo "$HOME'],
    ['json', '{ "a": 1 }', '{ a: 1 }'],
    ['yaml', 'a:\n  - b', 'a: b: c'],
    ['ini', '[Unit]\nAfter=redis', 'After redis'],
  ])('%s has to parse', (language, right, wrong) => {
    expect([problems(language, right), problems(language, wrong).length]).toEqual([[], 1])
  })
})

test('code is compiled under strict types, and what is not says why', () => {
  const folder = join(ROOT, '.cache/docs-code-test')
  const text = [
    '```ts',
    "await node.write('deposit', { to: 'a', amount: '5' })",
    '```',
    '```ts',
    "await node.write('deposit', { to: 'a', amount: 5 })",
    '```',
    '```js',
    'const = 1',
    '```',
    '```ts no-check',
    'anything goes',
    '```',
    '<!-- no-check: it shows what does not compile -->',
    '```ts no-check',
    'anything goes',
    '```',
  ]
  try {
    const found = ask(
      'scripts/lib/docs-code.mjs',
      `it.codeProblems(${page(...text)}, ${JSON.stringify(folder)})`,
    ) as { checked: number; notChecked: number; problems: string[] }
    expect(found).toMatchObject({ checked: 3, notChecked: 2 })
    const places = found.problems.filter((problem) => /^docs/.test(problem)).map((one) => one.slice(0, 22))
    expect([...new Set(places)]).toEqual([
      'docs/quick-start.md:10',
      'docs/quick-start.md:2:',
      'docs/quick-start.md:8:',
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

describe('the tables', () => {
  const sources = `(await import(${JSON.stringify(pathToFileURL(join(ROOT, 'scripts/lib/source-docs.mjs')).href)})).readSources()`

  it('have a text for every error, event and option, and a bound for every number of createNode', () => {
    const { codes, events, options, unbounded } = ask(
      'scripts/lib/source-docs.mjs',
      `{ const sources = await ${sources}
         const options = it.fieldsOf(sources, 'NodeOptions')
         const bounds = it.boundsOf(sources)
         return { codes: it.errorCodes(sources), events: it.fieldsOf(sources, 'NodeEvents'), options,
           unbounded: options.filter(({ name, type }) => /number/.test(type) && !bounds.has(name)) } }`,
    ) as Record<'codes' | 'events' | 'options' | 'unbounded', { text: string }[]>
    expect([codes.length > 25, events.length > 6, options.length > 25]).toEqual([true, true, true])
    expect([...codes, ...events, ...options].filter(({ text }) => text === '')).toEqual([])
    expect(unbounded).toEqual([])
  })

  it('of errors say what to do', () => {
    const codes = ask('scripts/lib/source-docs.mjs', `it.errorCodes(await ${sources})`) as {
      code: string
      text: string
    }[]
    expect(codes.filter(({ text }) => !/^.*?\. .+\.$/.test(text)).map(({ code }) => code)).toEqual([])
  })
})

test('every page is in the navigation, once, also one that nobody has put there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-docs-'))
  try {
    for (const name of ['quick-start', 'concepts', 'stray'])
      writeFileSync(join(folder, `${name}.md`), '# A page')
    const pages = ask('docs/site/pages.mjs', `it.listPages(${JSON.stringify(folder)})`) as {
      name: string
      group: string
    }[]
    expect(pages.filter(({ group }) => group !== 'Examples')).toMatchObject([
      { name: 'quick-start', group: 'Start' },
      { name: 'concepts', group: 'Start' },
      { name: 'stray', group: 'More' },
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const existing = readdirSync(join(ROOT, 'docs')).filter((file) => file.endsWith('.md'))
  const names = (ask('docs/site/pages.mjs', 'it.listPages()') as { name: string }[]).map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(existing.map((file) => file.replace('.md', ''))))
  expect(new Set(names).size).toBe(names.length)
})
