import { WINDOW_ONLY } from '@leasehold/core'
import { formatSince, parseSince } from '../src/since-text.js'

test.each([
  [{ term: 1_795_384_000_123, index: 4711 }, '1795384000123.4711'],
  [{ term: 0, index: 0 }, '0.0'],
  [WINDOW_ONLY, '-1'],
] as const)('%j is %s, and comes back', (since, text) => {
  expect(formatSince(since)).toBe(text)
  expect(parseSince(text)).toEqual(since)
})

test('an index alone comes from before terms went with it', () => {
  expect(parseSince('7')).toEqual({ term: undefined, index: 7 })
  expect(formatSince({ term: undefined, index: 7 })).toBe('7')
})

test.each(['', '-2', '1.-1', '1.2.3', '.7', '7.', '1e3', ' 7', '7\n', '1234567890123456', 'NaN'])(
  '%j says nothing of when a request arrived',
  (text) => {
    expect(parseSince(text)).toBe(WINDOW_ONLY)
  },
)
