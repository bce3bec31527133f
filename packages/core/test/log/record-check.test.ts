import { seededRandom } from '../../src/testing/seeded-random.js'
import { RecordCheck } from '../../src/log/record-check.js'
import { RecordReader, writeRecords } from '../../src/log/snapshot.js'

/** How many of these lines are accepted before the first that is not. */
function accepted(lines: readonly string[]): number {
  const check = new RecordCheck()
  const refused = lines.findIndex((line) => !check.accepts(line))
  return refused === -1 ? lines.length : refused
}

/** As lines of text, one for each value. */
const lines = (...values: unknown[]) => values.map((value) => JSON.stringify(value))

/** Any JSON, now and then too large for one record. */
function jsonOf(seed: number): unknown {
  const random = seededRandom(seed)
  const pick = (n: number) => Math.floor(random() * n)
  const keys = ['__proto__', 'constructor', '0', '', 'ключ', 'a\nb', '\u0000', '😀']
  const make = (depth: number): unknown => {
    const kind = depth === 0 ? 4 + pick(2) : depth > 3 ? pick(4) : pick(6)
    if (kind < 4) return [null, random(), `s${pick(9)}\n`, true][kind]
    const size = random() < (depth === 0 ? 0.6 : depth === 1 ? 0.01 : 0) ? 600 : pick(4)
    const items = Array.from({ length: size }, () => make(depth + 1))
    if (kind === 4) return items
    const text = items.map((item, i) => `${JSON.stringify(keys[i] ?? `k${i}`)}:${JSON.stringify(item)}`)
    return JSON.parse(`{${text.join()}}`)
  }
  return make(0)
}

it('accepts every record of every value', () => {
  let records = 0
  for (let seed = 0; seed < 200; seed++) {
    const written = [...writeRecords(jsonOf(seed))]
    expect(accepted(written)).toBe(written.length)
    records += written.length
  }
  expect(records).toBeGreaterThan(1000)
})

it('what it accepts can be loaded, whatever was taken away or put elsewhere', () => {
  let refused = 0
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed)
    const written = [...writeRecords(jsonOf(seed))]
    const [moved = ''] = written.splice(Math.floor(random() * written.length), 1)
    if (random() < 0.7) written.splice(Math.floor(random() * (written.length + 1)), 0, moved)
    if (accepted(written) < written.length) refused++
    else {
      const reader = new RecordReader()
      for (const record of written) reader.read(record)
    }
  }
  expect(refused).toBeGreaterThan(20)
})

it.each<[string, string[], number]>([
  ['what is not JSON', ['[[],{}'], 0],
  ['what is no list', lines({ a: 1 }), 0],
  ['a list that is too short', lines([[]]), 0],
  ['a list that is too long', lines([[], {}, 1, 1]), 0],
  ['a path that is none', lines(['a', 1]), 0],
  ['a path with a part that is none', lines([[], {}], [[null], 1]), 1],
  ['a merge that is not written as 1', lines([[], {}], [[], { a: 1 }, 2]), 1],
  ['a first record that is not the root', lines([['a'], 1]), 0],
  ['a second root', lines([[], {}], [[], {}]), 1],
  ['a place within what is no container', lines([[], 5], [['a'], 1]), 1],
  ['a place in a container that nothing has made', lines([[], {}], [['a', 'b'], 1]), 1],
  ['a place in an inherited object', lines([[], {}], [['constructor', 'name'], 1]), 1],
  ['a place in a container that is complete', lines([[], {}], [['a'], {}], [['b'], 1], [['a', 'c'], 1]), 3],
  ['a name in a list', lines([[], []], [['a'], 1]), 1],
  ['a number in an object', lines([[], {}], [[0], 1]), 1],
  ['a gap in a list', lines([[], []], [[1], 1]), 1],
  ['a second item at one place', lines([[], [7]], [[1], 1], [[1], 1]), 2],
  ['items for an object', lines([[], {}], [[], [1], 1]), 1],
  ['entries for a list', lines([[], []], [[], { a: 1 }, 1]), 1],
  ['a merge of what is neither', lines([[], {}], [[], null, 1]), 1],
])('refuses %s', (_what, text, before) => {
  expect(accepted(text)).toBe(before)
})
