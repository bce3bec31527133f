import { checkRegisters } from './check-registers.js'
import { hasWritten, type Operation } from './history.js'
import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'

type More = Partial<Operation>

function operation(kind: Operation['kind'], value: unknown, startMs: number, endMs: number, more: More) {
  const nothing = { client: 0, key: 'k', url: 'http://stub', status: 200, reason: undefined }
  return { ...nothing, kind, value, startMs, endMs, outcome: 'ok' as const, ...more }
}
/** Acknowledged unless said otherwise. */
const put = (value: string, startMs: number, endMs: number, more: More = {}): Operation =>
  operation('put', value, startMs, endMs, more)
const cas = (expect: unknown, value: string, startMs: number, endMs: number, more: More = {}): Operation =>
  operation('cas', value, startMs, endMs, { expect, ...more })
const get = (value: unknown, startMs: number, endMs: number, more: More = {}): Operation =>
  operation('get', value, startMs, endMs, { consistency: 'linearizable', ...more })

const unknown = { outcome: 'unknown' } as const
const refused = { outcome: 'failed' } as const

describe('finds nothing', () => {
  it.each<[string, Operation[]]>([
    ['in an empty history', []],
    ['in reads of what was put before', [get(null, 0, 1), put('a', 2, 3), get('a', 4, 5)]],
    ['in reads on both sides of a put that runs', [put('a', 0, 9), get(null, 1, 2), get('a', 3, 4)]],
    ['in puts at once whose order a read tells', [put('a', 0, 9), put('b', 0, 9), get('a', 10, 11)]],
    ['in a put at the very moment at which another ends', [put('a', 0, 5), put('b', 5, 6), get('a', 7, 8)]],
    ['in a cas that wins after one that loses', [put('a', 0, 1), lost('x', 'a', 2, 3), cas('a', 'b', 4, 5)]],
    ['in a cas that expects nothing where nothing is', [cas(null, 'a', 0, 1), get('a', 2, 3)]],
    ['in two cas of which the second follows the first', [cas(null, 'a', 0, 9), cas('a', 'b', 0, 9)]],
    ['in a refused write that nobody saw', [put('a', 0, 1, refused), get(null, 2, 3)]],
    ['in an unknown write that nobody saw', [put('a', 0, 1, unknown), get(null, 2, 3)]],
    ['in an unknown write seen late', [put('a', 0, 1, unknown), get(null, 2, 3), get('a', 4, 5)]],
    ['in an unknown write after others', [put('a', 0, 1, unknown), put('b', 2, 3), get('a', 4, 5)]],
    ['in an unknown cas that wins late', [cas('b', 'a', 0, 1, unknown), put('b', 2, 3), get('a', 4, 5)]],
    ['in an unknown cas that lost', [cas('b', 'a', 0, 1, unknown), put('c', 2, 3), get('c', 4, 5)]],
    ['in a session read that is old', [put('a', 0, 1), get(null, 2, 3, { consistency: 'session' })]],
    ['in a read without an answer', [put('a', 0, 1), get(undefined, 2, 3, unknown)]],
    ['in a read of another key', [put('a', 0, 1), get(null, 2, 3, { key: 'l' })]],
    ['in what happens to lists', [operation('push', 'a', 0, 1, {}), operation('list', null, 2, 3, {})]],
  ])('%s', (_, history) => expect(checkRegisters(history)).toEqual([]))
})

describe('finds a planted bug:', () => {
  it.each<[string, Operation[]]>([
    ['a stale read', [put('a', 0, 1), put('b', 2, 3), get('a', 4, 5)]],
    ['a read that misses the only write', [put('a', 0, 1), get(null, 2, 3)]],
    ['two reads that see a write come and go', [put('a', 0, 9), get('a', 1, 2), get(null, 3, 4)]],
    ['reads that see two writes in both orders', bothOrders()],
    ['a lost update', [put('a', 0, 1), cas('a', 'b', 2, 3), get('a', 4, 5)]],
    ['a read of a value never written', [put('a', 0, 1), get('b', 2, 3)]],
    ['a read of a value before it was written', [get('a', 0, 1), put('a', 2, 3)]],
    ['two cas that both win', [put('a', 0, 1), cas('a', 'b', 2, 9), cas('a', 'c', 2, 9)]],
    ['two cas from nothing that both win', [cas(null, 'b', 2, 9), cas(null, 'c', 2, 9)]],
    ['a cas that wins over what is there', [put('a', 0, 1), cas('b', 'c', 2, 3)]],
    ['a cas that loses though it compares', [put('a', 0, 1), lost('a', 'a', 2, 3)]],
    ['a cas that loses to what is not there', [put('a', 0, 1), lost('x', 'b', 2, 3)]],
    ['a cas that lost, seen', [put('a', 0, 1), lost('x', 'a', 2, 3, 'mine'), get('mine', 4, 5)]],
    ['a refused write seen', [put('a', 0, 1, refused), get('a', 2, 3)]],
    ['a refused cas seen', [cas(null, 'a', 0, 1, refused), get('a', 2, 3)]],
    ['an unknown write seen before it began', [get('a', 0, 1), put('a', 2, 3, unknown)]],
    ['an unknown write seen, and then undone', [put('a', 0, 1, unknown), get('a', 2, 3), get(null, 4, 5)]],
    ['an unknown cas that wins twice', unknownTwice()],
  ])('%s', (_, history) => {
    expect(checkRegisters(history)).toEqual([expect.stringMatching(/^k: no order explains client/)])
  })
})

/** A cas that found something else than it expected. */
function lost(expect: unknown, present: unknown, startMs: number, endMs: number, value = 'lost') {
  return cas(expect, value, startMs, endMs, { present, status: 409 })
}

function bothOrders(): Operation[] {
  const writes = [put('a', 0, 99), put('b', 0, 99)]
  const one = [get('a', 1, 2, { client: 1 }), get('b', 3, 4, { client: 1 })]
  return [...writes, ...one, get('a', 5, 6, { client: 2 })]
}

/** Once is right: the value comes back, and the cas would have to win again. */
function unknownTwice(): Operation[] {
  const once = [put('a', 0, 1), cas('a', 'b', 2, 3, unknown), get('b', 4, 5)]
  return [...once, put('a', 6, 7), get('b', 8, 9)]
}

it('names the key and what stands around the impossibility', () => {
  const history = [
    put('a', 0, 1, { client: 1 }),
    cas('a', 'b', 2, 3, { client: 2 }),
    cas('c', 'd', 4, 9, { client: 3 }),
    get('a', 5, 6.25, { client: 4 }),
    put('d', 7, 8, { key: 'other' }),
  ]
  expect(checkRegisters(history)).toEqual([
    'k: no order explains client 4\'s get of k that found "a" (5.0–6.3 ms): the longest comes to "b" ' +
      '(client 1\'s put of "a" to k (0.0–1.0 ms), client 2\'s cas of k from "a" to "b" (2.0–3.0 ms)); ' +
      'open were client 3\'s cas of k from "c" to "d" (4.0–9.0 ms)',
  ])
})

it('looks at each key by itself, and tells of all', () => {
  const ofKey = (key: string) => [put('a', 0, 1, { key }), get(null, 2, 3, { key })]
  expect(checkRegisters(['k', 'l'].flatMap(ofKey)).map((problem) => problem.slice(0, 2))).toEqual([
    'k:',
    'l:',
  ])
})

/** How a made history goes wrong, or not. */
interface Made {
  readonly operations: number
  readonly clients: number
  readonly values: number
  readonly unknowns: number
}

/**
 * What clients of one correct register would record: each operation takes effect at a moment within its time, an unknown
 * one at any later time or never.
 */
function correctHistory(random: () => number, { operations, clients, values, unknowns }: Made): Operation[] {
  const upTo = (n: number) => Math.floor(random() * n)
  const some = () => (upTo(values + 1) === 0 ? null : `v${upTo(values)}`)
  const freeAtMs = Array.from({ length: clients }, () => upTo(5))
  const planned = Array.from({ length: operations }, () => {
    const client = upTo(clients)
    const startMs = (freeAtMs[client] ?? 0) + upTo(3)
    const endMs = startMs + 1 + upTo(9)
    freeAtMs[client] = endMs + 1
    const kind = (['put', 'cas', 'get'] as const)[upTo(3)] ?? 'get'
    const isUnknown = random() < unknowns
    const effectMs = startMs + random() * (isUnknown ? 50 : endMs - startMs)
    const more = { client, ...(isUnknown && unknown) }
    if (kind === 'get') return { effectMs, operation: get(null, startMs, endMs, more) }
    const value = `v${upTo(values)}`
    if (kind === 'put') return { effectMs, operation: put(value, startMs, endMs, more) }
    return { effectMs, operation: cas(some(), value, startMs, endMs, more) }
  })
  let state: unknown = null
  return planned
    .toSorted((a, b) => a.effectMs - b.effectMs)
    .map(({ operation: one }) => {
      const { kind, outcome, expect: expected, value } = one
      if (kind === 'get') return outcome === 'ok' ? { ...one, value: state } : one
      if (kind === 'cas' && expected !== state) return outcome === 'ok' ? { ...one, present: state } : one
      if (outcome === 'ok' || random() < 0.7) state = value
      return one
    })
    .toSorted((a, b) => a.endMs - b.endMs)
}

/** The same history with one answer or outcome changed. It may be right all the same. */
function changed(history: readonly Operation[], random: () => number, values: number): Operation[] {
  const at = Math.floor(random() * history.length)
  const other = `v${Math.floor(random() * values)}`
  return history.map((one, n) => {
    if (n !== at) return one
    if (random() < 0.2) return { ...one, outcome: 'failed' as const }
    if (one.kind === 'cas' && one.outcome === 'ok') {
      const { present, ...bare } = one
      return present === undefined ? { ...one, present: other } : bare
    }
    return { ...one, value: other }
  })
}

/** The definition itself: every order of every choice of unknown operations, and each is looked at from its beginning. */
function hasAnOrder(history: readonly Operation[]): boolean {
  const told = history.filter(
    ({ kind, outcome }) => outcome === 'ok' || (outcome === 'unknown' && kind !== 'get'),
  )
  const tryAll = (order: readonly Operation[], rest: readonly Operation[]): boolean =>
    (rest.every(({ outcome }) => outcome === 'unknown') && explains(order)) ||
    rest.some((one, at) => tryAll([...order, one], rest.toSpliced(at, 1)))
  return tryAll([], told)
}

function explains(order: readonly Operation[]): boolean {
  let state: unknown = null
  for (const [at, one] of order.entries()) {
    const { kind, outcome, value, expect: expected, present } = one
    if (order.slice(at + 1).some((later) => later.outcome === 'ok' && later.endMs < one.startMs)) return false
    const compares = kind !== 'cas' || expected === state
    if (kind === 'get' && value !== state) return false
    if (kind === 'cas' && outcome === 'ok' && compares === (present !== undefined)) return false
    if (kind === 'cas' && present !== undefined && present !== state) return false
    if (kind !== 'get' && compares) state = value
  }
  return true
}

it.each([1, 2, 3])('agrees with every order tried on small histories (seed %i)', (seed) => {
  const random = seededRandom(seed)
  const verdicts = { right: 0, wrong: 0 }
  const disagreements: unknown[] = []
  for (let run = 0; run < 15_000; run++) {
    const values = 1 + Math.floor(random() * 3)
    const operations = 1 + Math.floor(random() * 5)
    const made = correctHistory(random, { operations, clients: 3, values, unknowns: 0.2 })
    const history = run % 3 === 0 ? made : changed(made, random, values)
    const isRight = hasAnOrder(history)
    verdicts[isRight ? 'right' : 'wrong']++
    const problems = checkRegisters(history)
    const isAsMade = history !== made || isRight
    if (isRight !== (problems.length === 0) || !isAsMade) disagreements.push({ history, isRight, problems })
  }
  expect(disagreements).toEqual([])
  expect(verdicts.right).toBeGreaterThan(5_000)
  expect(verdicts.wrong).toBeGreaterThan(2_000)
})

describe('a long history of many clients', () => {
  const made: Made = { operations: 5_000, clients: 16, values: 1_000_000, unknowns: 0.002 }
  const history = correctHistory(seededRandom(4), made)

  it('is fine', () => {
    expect(history.filter(hasWritten).length).toBeGreaterThan(1_000)
    expect(checkRegisters(history)).toEqual([])
  })

  it('with one stale read in it is not', () => {
    const gets = history.filter(
      ({ kind, outcome, value }) => kind === 'get' && outcome === 'ok' && value !== null,
    )
    const [first, last] = [gets[0], gets.at(-1)]
    const stale = history.map((one) => (one === last ? { ...one, value: first?.value } : one))
    expect(checkRegisters(stale)).toEqual([expect.stringContaining(`found ${JSON.stringify(first?.value)}`)])
  })

  it('that is too long for what may be searched has no verdict, and that is a problem', () => {
    expect(checkRegisters(history, { maxReached: 1_000 })).toEqual([
      expect.stringMatching(/^k: no verdict on \d{4} operations after 1000 sets of them$/),
    ])
  })
})
