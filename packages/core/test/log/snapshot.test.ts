import { pathOf, RecordReader, writeRecords } from '../../src/log/snapshot.js'
import { seededRandom } from '../../src/testing/seeded-random.js'

function roundTrip(value: unknown): { value: unknown; records: string[] } {
  const records = [...writeRecords(value)]
  const reader = new RecordReader()
  for (const record of records) reader.read(record)
  return { value: reader.value, records }
}

/** As JSON text, which also shows the order of keys. */
function text(value: unknown): string {
  return JSON.stringify(value)
}

test.each<[string, unknown]>([
  ['null', null],
  ['a number', 5],
  ['a text', 'ä\n"x"'],
  ['an empty object', {}],
  ['an empty list', []],
  ['nested values', { a: [1, { b: null }], c: 'd' }],
  ['a property that is undefined', { a: undefined, b: 1 }],
])('%s is one record and comes back as it was', (_name, value) => {
  const { value: back, records } = roundTrip(value)
  expect(text(back)).toBe(text(value))
  expect(records).toHaveLength(1)
})

test('a large state is many small records, and keeps the order of its keys', () => {
  const state = {
    first: 1,
    accounts: Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [`k${i}`, { id: i, tags: ['x', 'y'] }]),
    ),
    middle: 'm',
    list: Array.from({ length: 3000 }, (_, i) => i),
    nested: [Array.from({ length: 2000 }, (_, i) => [i]), 'after', Array.from({ length: 600 }, () => ({}))],
    last: true,
  }
  const { value, records } = roundTrip(state)
  expect(text(value)).toBe(text(state))
  expect(records.length).toBeGreaterThan(20)
  expect(Math.max(...records.map((record) => record.length))).toBeLessThan(100_000)
})

test('the keys of a large object are listed once: that holds the event loop', () => {
  let listings = 0
  const counted = (target: object) =>
    new Proxy(target, {
      ownKeys(object) {
        listings++
        return Reflect.ownKeys(object)
      },
    })
  const many = () => Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, i]))
  const state = { first: counted(many()), list: [counted(many())] }
  expect(text(roundTrip(state).value)).toBe(text({ first: many(), list: [many()] }))
  expect(listings).toBe(2)
})

test.each<[string, unknown]>([
  ['of texts', Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, 'x'.repeat(5000)]))],
  ['in a list', Array.from({ length: 2000 }, () => 'x'.repeat(5000))],
  ['of values with many parts', Array.from({ length: 500 }, () => Array.from({ length: 400 }, () => 'ab'))],
  [
    'with long keys',
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${'k'.repeat(5000)}${i}`, i])),
  ],
])('a large state %s is many small records, too', (_name, state) => {
  const { value, records } = roundTrip(state)
  expect(text(value)).toBe(text(state))
  expect(Math.max(...records.map((record) => record.length))).toBeLessThan(100_000)
})

test('a large text is a record of its own: nothing else waits in it', () => {
  const state = { a: [1, 'x'.repeat(1_000_000), { b: 2 }], c: 'y'.repeat(1_000_000) }
  const { value, records } = roundTrip(state)
  expect(text(value)).toBe(text(state))
  const large = records.filter((record) => record.length > 100_000)
  expect(large.map(pathOf)).toEqual([['a', 1], ['c']])
  expect(Math.max(...large.map((record) => record.length))).toBeLessThan(1_000_100)
})

test.each([[], ['a'], ['a', 0, 'b'], [']'], ['"', ']"[', '\\'], ['{"a":[1]}', 7, '']])(
  'the path %p of a record is found without the rest of it',
  (...path) => {
    const [last] = [...writeRecords(['x'])]
    expect(pathOf(last ?? '')).toEqual([])
    expect(pathOf(JSON.stringify([path, [['value']], 1]))).toEqual(path)
  },
)

test('a key named __proto__ is a key like any other', () => {
  const many = JSON.parse(
    `{${Array.from({ length: 1000 }, (_, i) => `"k${i}":${i}`).join(',')},"__proto__":{"x":1}}`,
  )
  const { value } = roundTrip(many)
  expect(text(value)).toBe(text(many))
  expect(Object.hasOwn(value as object, '__proto__')).toBe(true)
})

test('any JSON comes back as it was', () => {
  const random = seededRandom(7)
  const pick = (n: number) => Math.floor(random() * n)
  const make = (depth: number): unknown => {
    const kind = depth > 3 ? pick(4) : pick(6)
    if (kind === 0) return null
    if (kind === 1) return random() * 1e6
    if (kind === 2) return `s${pick(1000)}`
    if (kind === 3) return random() < 0.5
    const size = depth === 1 && random() < 0.2 ? 700 : pick(5)
    if (kind === 4) return Array.from({ length: size }, () => make(depth + 1))
    return Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, make(depth + 1)]))
  }
  for (let run = 0; run < 60; run++) {
    const value = make(0)
    expect(text(roundTrip(value).value)).toBe(text(value))
  }
})
