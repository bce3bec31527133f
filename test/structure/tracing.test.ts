import { filesIn, textOf, withoutComments } from './source-files.js'

const docs = textOf('docs/tracing.md') ?? ''

/** What stands in quotes or backticks and names a span or an attribute. */
const NAME = /['`]((?:leasehold|http|error)\.[a-z_.]+)['`]/g
const namesIn = (text: string) => [...text.matchAll(NAME)].map(([, name = '']) => name)

const sources = ['packages']
  .flatMap((folder) => filesIn(folder, '.ts'))
  .filter(({ path }) => path.includes('/src/'))
  .map(({ text }) => withoutComments(text))
  .filter((text) => /\btracer\b|\bspan\b/i.test(text))

const spans = new Set(
  sources.flatMap((text) => [...text.matchAll(/start\(\s*'([\w.]+)'/g)].map(([, name]) => name)),
)
const attributes = new Set(sources.flatMap(namesIn).filter((name) => !spans.has(name)))

/** Name of a span, and the last cell of its row. */
const rows = [...docs.matchAll(/^\| `(leasehold\.\w+)` \|.*\|([^|]*)\|$/gm)]

it('finds the spans', () => {
  expect(spans).toContain('leasehold.write')
  expect(attributes).toContain('leasehold.entry.index')
})

it('every span has its row in docs/tracing.md, and no other', () => {
  expect(new Set(rows.map(([, name]) => name))).toEqual(spans)
})

it('so has every attribute, on some span or on all', () => {
  const onAll = namesIn(/^All have.*?\n\n/ms.exec(docs)?.[0] ?? '')
  expect(
    new Set([
      ...rows.flatMap(([, , cell = '']) => namesIn(cell)),
      ...onAll.filter((name) => !spans.has(name)),
    ]),
  ).toEqual(attributes)
})

it('the example compiles: it is test/tracing/setup.ts', () => {
  const [, example] = /```ts\n(.*?)```/s.exec(docs) ?? []
  expect(textOf('test/tracing/setup.ts')?.replace(/^\/\/.*\n/, '')).toBe(example)
})
