import { formatPosition, parsePosition } from '../src/position.js'

it('comes back as it was', () => {
  const position = { logId: 'q7_Xw-0PmZk1', term: 1_795_384_000_123, index: 42 }
  expect(formatPosition(position)).toBe('q7_Xw-0PmZk1.1795384000123.42')
  expect(parsePosition(formatPosition(position))).toEqual(position)
})

it('reads the start of a log', () => {
  expect(parsePosition('log.0.0')).toEqual({ logId: 'log', term: 0, index: 0 })
})

it('reads numbers as large as they can be without rounding', () => {
  expect(parsePosition('log.999999999999999.999999999999999')).toEqual({
    logId: 'log',
    term: 999_999_999_999_999,
    index: 999_999_999_999_999,
  })
})

it.each([
  ['nothing', ''],
  ['no position before the first log', '.0.0'],
  ['too few parts', 'log.1'],
  ['too many parts', 'log.1.2.3'],
  ['a number missing', 'log..2'],
  ['a sign', 'log.-1.2'],
  ['a fraction', 'log.1.2.5'],
  ['an exponent', 'log.1e3.2'],
  ['hexadecimal', 'log.0x1.2'],
  ['more digits than a number can hold', 'log.1.9999999999999999'],
  ['a foreign character in the id', 'lo g.1.2'],
  ['a line break behind it', 'log.1.2\n'],
  ['a line break before it', '\nlog.1.2'],
  ['an id of any length', `${'a'.repeat(65)}.1.2`],
  ['other digits', 'log.１.2'],
])('refuses %s', (_, text) => {
  expect(parsePosition(text)).toBeUndefined()
})

it('takes no time for a hostile text', () => {
  expect(parsePosition(`${'a'.repeat(1_000_000)}.1.2`)).toBeUndefined()
})
