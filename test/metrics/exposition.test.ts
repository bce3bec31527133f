import { parseExposition, valueOf } from './exposition.js'

const good = [
  '# HELP a_total Counts \\n things.',
  '# TYPE a_total counter',
  'a_total{x="1",y="with \\"quotes\\", \\\\ and \\n"} 3',
  'a_total 1',
  '# HELP b_seconds Lasts.',
  '# TYPE b_seconds histogram',
  'b_seconds_bucket{le="0.5"} 1',
  'b_seconds_bucket{le="+Inf"} 2',
  'b_seconds_sum 1.5',
  'b_seconds_count 2',
]
const textOf = (lines: readonly string[]) => `${lines.join('\n')}\n`

it('reads what is right', () => {
  const families = parseExposition(textOf(good))
  expect([...families.keys()]).toEqual(['a_total', 'b_seconds'])
  expect(families.get('a_total')?.samples[0]?.labels).toEqual({ x: '1', y: 'with "quotes", \\ and \n' })
  expect(valueOf(families, 'a_total', { x: '1' })).toBe(3)
  expect(valueOf(families, 'b_seconds_sum')).toBe(1.5)
})

it.each([
  ['a sample twice', [...good.slice(0, 4), 'a_total 2'], 'twice'],
  ['a family twice', [...good, ...good.slice(0, 2)], 'described twice'],
  ['no type', ['# HELP a Is.', 'a 1'], 'not below its type'],
  ['no help', ['# TYPE a gauge', 'a 1'], 'without its help'],
  [
    'a counter that does not say so',
    ['# HELP a Is.', '# TYPE a counter', 'a 1'],
    'a counter with the name a',
  ],
  ['a gauge that says it counts', ['# HELP a_total Is.', '# TYPE a_total gauge'], 'a gauge with the name'],
  ['milliseconds', ['# HELP a_ms Is.', '# TYPE a_ms gauge'], 'not a base unit'],
  ['a label that is not escaped', ['# HELP a Is.', '# TYPE a gauge', 'a{b="c"d"} 1'], 'well formed'],
  ['a label twice', ['# HELP a Is.', '# TYPE a gauge', 'a{b="c",b="d"} 1'], 'a label twice'],
  ['no number', ['# HELP a Is.', '# TYPE a gauge', 'a NaN'], 'not a number'],
  ['buckets that fall', good.with(6, 'b_seconds_bucket{le="0.5"} 3'), 'counts of b_seconds'],
  ['no last bucket', good.toSpliced(7, 1), 'bounds of b_seconds'],
  ['a sample of another family', ['# HELP a Is.', '# TYPE a gauge', 'b 1'], 'not below its type'],
])('finds %s', (_, lines, problem) => {
  expect(() => parseExposition(textOf(lines))).toThrow(problem)
})
