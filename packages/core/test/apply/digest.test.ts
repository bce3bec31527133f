import { digestOfText, JsonDigests } from '../../src/apply/digest.js'

const digests = new JsonDigests({ remember: false })

function digestOf(value: unknown): number | undefined {
  return digests.of(value, 1000)
}

it.each([
  ['the order of properties', { a: 1, b: { c: 2, d: [3] } }, { b: { d: [3], c: 2 }, a: 1 }],
  ['properties that are undefined', { a: 1, b: undefined }, { a: 1 }],
  ['the sign of zero', { a: -0 }, { a: 0 }],
  ['what is no number, which JSON writes as null', [Number.NaN, Number.POSITIVE_INFINITY], [null, null]],
  ['undefined in a list, which JSON writes as null', [undefined, 1], [null, 1]],
  ['a date and its text', { at: new Date(5) }, { at: '1970-01-01T00:00:00.005Z' }],
  ['a map, which JSON empties', new Map([['a', 1]]), {}],
  ['methods', { a: 1, b: () => 2 }, { a: 1 }],
])('%s does not count', (_, a, b) => {
  expect(digestOf(a)).toBe(digestOf(b))
})

it('tells apart what JSON tells apart', () => {
  const values: unknown[] = [
    ...[undefined, null, true, false, 0, 1, -1, 2 ** 40, 0.5, '', '0', 'null', [], [[]], {}, [0], [1, 0]],
    ...[[0, 1], { a: 0 }, { b: 0 }, { a: 1, b: 0 }, { a: 0, b: 1 }, { a: { b: 0 } }, [{ a: 0 }], '\u0000'],
    ...Array.from({ length: 500 }, (_, at) => at + 2),
    ...Array.from({ length: 500 }, (_, at) => `text ${at}`),
    ...Array.from({ length: 500 }, (_, at) => ({ balance: at, to: `account ${at % 7}` })),
  ]
  expect(new Set(values.map(digestOf)).size).toBe(values.length)
})

it('looks at both ends of a long text, at some of its middle, and at its length', () => {
  const text = 'x'.repeat(400)
  const others = [
    `y${text.slice(1)}`,
    `${text.slice(0, -1)}y`,
    `${text}x`,
    text.replace(/x{200}$/, 'y'.repeat(200)),
  ]
  expect(new Set([text, ...others].map(digestOfText)).size).toBe(5)
})

it('gives up on what is too much, however it is ordered', () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`k${at}`, [at]]))
  const turned = Object.fromEntries(Object.entries(many).toReversed())
  expect([digests.of(many, 100), digests.of(turned, 100)]).toEqual([undefined, undefined])
  expect(digests.of(many, 101)).toBe(digests.of(turned, 101))
  expect(digests.of(many, 101)).toBeDefined()
})

it('gives up on a cycle, and on what is nested too deep', () => {
  const cycle: { self?: unknown; also?: unknown } = {}
  cycle.self = cycle
  cycle.also = cycle
  expect(digestOf(cycle)).toBeUndefined()
  expect(digestOf(JSON.parse('['.repeat(200) + ']'.repeat(200)))).toBeUndefined()
})

it('remembers which objects are large, where that is wished', () => {
  const remembering = new JsonDigests({ remember: true })
  const large: Record<string, number> = Object.fromEntries(
    Array.from({ length: 300 }, (_, at) => [`k${at}`, at]),
  )
  expect(remembering.of(large, 100)).toBeUndefined()
  for (const key of Object.keys(large)) delete large[key]
  expect(remembering.of(large, 100)).toBeUndefined()
  expect(digests.of(large, 100)).toBe(digestOf({}))
})
