import { assertJson, copyJson, NotJsonError } from '../../src/apply/json.js'

class Money {
  readonly amount = 1
}

function cycle(): object {
  const a: { b?: object } = {}
  a.b = { a }
  return a
}

it.each([
  ['texts, numbers, truths and null', ['', 'a', 0, -1.5, 1e300, true, false, null]],
  ['nested objects and lists', { a: [{ b: { c: [] } }], d: {} }],
  ['properties that are undefined', { a: undefined, b: 1 }],
  ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
  ['the same object twice', ((shared) => [shared, shared])({ a: 1 })],
  ['keys with strange names', JSON.parse('{"__proto__":1,"constructor":2,"toString":3,"":4}')],
  ['an interface full of optional things', { a: undefined } satisfies { a?: string | undefined }],
])('takes %s', (_, value) => {
  expect(() => assertJson(value, 'It')).not.toThrow()
})

it.each<[unknown, string]>([
  [Number.NaN, 'NaN at $'],
  [{ a: { b: [1, Number.POSITIVE_INFINITY] } }, 'Infinity at $.a.b[1]'],
  [{ when: new Date(0) }, 'an instance of Date at $.when'],
  [new Map(), 'an instance of Map at $'],
  [{ set: new Set() }, 'an instance of Set at $.set'],
  [[new Money()], 'an instance of Money at $[0]'],
  [Buffer.from('a'), 'an instance of Buffer at $'],
  [Promise.resolve(), 'an instance of Promise at $'],
  [{ n: 1n }, 'a bigint at $.n'],
  [{ f: () => {} }, 'a function at $.f'],
  [[Symbol('s')], 'a symbol at $[0]'],
  [[1, undefined], 'undefined at $[1]'],
  [undefined, 'undefined at $'],
  [Object.assign([], { length: 2 }), 'undefined at $[0]'],
  [cycle(), 'a cycle at $.b.a'],
  [{ a: { toJSON: () => 1 } }, 'an object with toJSON at $.a'],
  [Object.create({ inherited: 1 }), 'an instance of Object at $'],
])('refuses %o and says where', (value, found) => {
  expect(() => assertJson(value, 'The argument of put')).toThrow(NotJsonError)
  expect(() => assertJson(value, 'The argument of put')).toThrow(
    `The argument of put is not JSON: ${found}. Nothing was written.`,
  )
})

it('a copy shares nothing with what it was made from', () => {
  const value = { list: [{ a: 1 }] }
  const copy = copyJson(value)
  expect(copy).toEqual(value)
  copy.list[0] = { a: 2 }
  expect(value.list[0]).toEqual({ a: 1 })
})

it.each([undefined, null, 0, '', true])('a copy of %p is itself', (value) => {
  expect(copyJson(value)).toBe(value)
})
