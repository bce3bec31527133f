import { checkSessions } from './check-sessions.js'
import type { Operation } from './history.js'

type More = Partial<Operation>

/** Acknowledged unless said otherwise, and at one moment. */
function operation(kind: Operation['kind'], value: unknown, atMs: number, more: More): Operation {
  const nothing = { client: 0, key: 'k', url: 'http://stub', status: 200, reason: undefined }
  return { ...nothing, kind, value, startMs: atMs, endMs: atMs + 0.5, outcome: 'ok', ...more }
}
const put = (value: string, index: number | undefined, atMs: number, more: More = {}) =>
  operation('put', value, atMs, { ...(index !== undefined && { index }), ...more })
const cas = (expect: unknown, value: string, index: number, atMs: number, more: More = {}) =>
  operation('cas', value, atMs, { expect, index, ...more })
/** A cas that found something else than it expected, and therefore tells no index. */
const lost = (present: unknown, atMs: number, more: More = {}) =>
  operation('cas', 'lost', atMs, { expect: 'other', present, status: 409, ...more })
const get = (value: unknown, index: number, atMs: number, more: More = {}) =>
  operation('get', value, atMs, { index, consistency: 'session', ...more })
const push = (value: string, position: number, index: number, atMs: number, more: More = {}) =>
  operation('push', value, atMs, { position, index, ...more })
const list = (value: unknown, position: number, index: number, atMs: number, more: More = {}) =>
  operation('list', value, atMs, { position, index, consistency: 'session', ...more })

const other = { client: 1 }
const unknown = { outcome: 'unknown' } as const
const refused = { outcome: 'failed' } as const

describe('finds nothing', () => {
  it.each<[string, Operation[]]>([
    ['in an empty history', []],
    [
      'in what a client wrote and read in turn',
      [put('a', 1, 1), get('a', 1, 2), put('b', 2, 3), get('b', 2, 4)],
    ],
    ['in reads of the same again', [put('a', 1, 1), get('a', 1, 2), get('a', 1, 3)]],
    ['in a client that is behind another', [put('a', 1, 1), put('b', 2, 2), get('a', 1, 3, other)]],
    ['in a client that has seen nothing yet', [put('a', 1, 1), get(null, 0, 2, other)]],
    ['in a client that overtakes another', [put('a', 1, 1, other), get('a', 1, 2), get('a', 1, 2, other)]],
    ['in the end of a request before that of an earlier one', [get('a', 2, 3, other), put('a', 1, 1)]],
    ['in an own write of unknown outcome', [put('a', 1, 1), put('b', undefined, 2, unknown), get('a', 1, 3)]],
    [
      'in an unknown write seen',
      [put('a', 1, 1), put('b', undefined, 2, unknown), get('b', 2, 3), get('a', 3, 4)],
    ],
    ['in an own write that was refused', [put('a', 1, 1), put('b', undefined, 2, refused), get('a', 1, 3)]],
    ['in reads that were not answered', [put('a', 5, 1), get(undefined, 1, 2, unknown), get('a', 5, 3)]],
    ['in cas', [put('a', 1, 1), cas('a', 'b', 2, 2), get('b', 2, 3), lost('b', 4), get('b', 2, 5)]],
    ['in another key that was left alone', [put('a', 1, 1), put('b', 2, 2, { key: 'l' }), get('a', 2, 3)]],
    ['in lists', [push('a', 1, 1, 1), list('a', 1, 1, 2), push('b', 2, 2, 3, other), list('b', 2, 2, 4)]],
    [
      'in a list and a register of one name',
      [put('a', 1, 1), push('b', 1, 2, 2), get('a', 2, 3), list('b', 1, 2, 4)],
    ],
    ['in an empty list', [list(null, 0, 0, 1), push('a', 1, 1, 2), list('a', 1, 1, 3)]],
    [
      'in a list that others went on with',
      [push('a', 1, 1, 1), list('x', 2, 2, 3), operation('push', 'x', 2, unknown)],
    ],
  ])('%s', (_, history) => expect(checkSessions(history)).toEqual([]))
})

describe('finds a planted bug:', () => {
  it.each<[string, Operation[], RegExp]>([
    [
      'an own write not read',
      [put('a', 1, 1), put('b', 2, 2), get('a', 1, 3)],
      /the log up to 1, .* 2 was seen in client 0's put of "b"/,
    ],
    [
      'an own write not read in another key',
      [put('a', 1, 1), get(null, 0, 2, { key: 'l' })],
      /the log up to 0,/,
    ],
    ['an own cas not read', [put('a', 1, 1), cas('a', 'b', 2, 2), get('a', 1, 3)], /the log up to 1,/],
    [
      'a read older than an earlier one',
      [put('a', 1, 1, other), put('b', 2, 2, other), get('b', 2, 3), get('a', 1, 4)],
      /the log up to 1, .* 2 was seen in client 0's get/,
    ],
    [
      'the same with a linearizable read',
      [
        put('a', 1, 1, other),
        put('b', 2, 2, other),
        get('b', 2, 3),
        get('a', 1, 4, { consistency: 'linearizable' }),
      ],
      /the log up to 1,/,
    ],
    [
      'the same with reads between',
      [put('a', 1, 1), put('b', 5, 2), get('b', 5, 3), get(null, 6, 4, { key: 'l' }), get('b', 5, 5)],
      /the log up to 5, .* 6 was seen/,
    ],
    [
      'an old value under a new index',
      [put('a', 1, 1), put('b', 2, 2), get('a', 2, 3)],
      /register k up to 1, .* 2 was seen/,
    ],
    ['a value that was there goes back to nothing', [put('a', 1, 1), get(null, 1, 2)], /register k up to 0,/],
    [
      'an old value in what a cas found',
      [put('a', 1, 1), put('b', 2, 2), lost('a', 3)],
      /register k up to 1,/,
    ],
    [
      'an old value after what a cas found',
      [put('a', 1, 1, other), put('b', 2, 2, other), lost('b', 3), get('a', 3, 4)],
      /register k up to 1, .* 2 was seen in client 0's cas/,
    ],
    [
      'a write that stands before what was read',
      [put('a', 5, 1, other), get('a', 5, 2), put('b', 4, 3)],
      /put of "b" .* stands at 4 in the log, .* 5 was seen/,
    ],
    ['two writes of one index', [put('a', 5, 1), put('b', 5, 2)], /stands at 5 in the log,/],
    [
      'a push that stands before what was read',
      [push('a', 2, 5, 1, other), list('a', 2, 5, 2), push('b', 2, 6, 3)],
      /stands at 2 in list k,/,
    ],
    [
      'an own push not read',
      [push('a', 1, 1, 1), push('b', 2, 2, 2), list('a', 1, 2, 3)],
      /list k up to 1, .* 2 was seen/,
    ],
    [
      'a list that shrinks',
      [push('a', 1, 1, 1, other), list('a', 1, 1, 2), list(null, 0, 1, 3)],
      /list k up to 0,/,
    ],
    ['a value that nobody wrote', [get('a', 1, 1)], /nobody wrote there/],
    ['a value of another key', [put('a', 1, 1, { key: 'l' }), get('a', 1, 2)], /nobody wrote there/],
    ['an item of a register', [put('a', 1, 1), list('a', 1, 1, 2)], /nobody wrote there/],
    ['a refused write', [put('a', undefined, 1, refused), get('a', 1, 2)], /was refused, client 0's put/],
    [
      'a value before it was written',
      [get('a', 1, 1), put('a', 1, 2, other)],
      /not written yet, client 1's put/,
    ],
    [
      'a value at an index before its own',
      [put('a', 5, 1, other), get('a', 4, 2)],
      /at index 4 found client 1's put of "a" .* at 5/,
    ],
    [
      'an item at another position',
      [push('a', 2, 5, 1, other), list('a', 1, 5, 2)],
      /found at 1 what stood at 2,/,
    ],
    [
      'a read that names no index',
      [put('a', 5, 1), operation('get', 'a', 2, {})],
      /does not say at which index/,
    ],
  ])('%s', (_, history, problem) => expect(checkSessions(history)).toEqual([expect.stringMatching(problem)]))
})

it('names the client, the key, what it saw, and what it had seen', () => {
  const history = [put('a', 1, 1, other), put('b', 2, 2, { client: 4 }), get('a', 1, 3, { client: 4 })]
  expect(checkSessions(history)).toEqual([
    'client 4\'s get of k that found "a" (3.0–3.5 ms) shows the log up to 1, ' +
      'though before it 2 was seen in client 4\'s put of "b" to k (2.0–2.5 ms)',
  ])
})

it('tells of each client, and goes on after the first problem', () => {
  const twice = [get('a', 1, 3), get('a', 1, 4)]
  const history = [put('a', 1, 1), put('b', 2, 2), ...twice, get('b', 2, 5, other), get('a', 1, 6, other)]
  expect(checkSessions(history)).toHaveLength(3)
})
