import { checkLists, type ReplicaLists } from './check-lists.js'
import type { Operation } from './history.js'

/** A push to list `l`; acknowledged unless said otherwise. */
function push(item: string, startMs: number, endMs: number, more: Partial<Operation> = {}): Operation {
  const nothing = { client: 0, url: 'http://stub', status: 200, reason: undefined }
  return { ...nothing, kind: 'push', key: 'l', value: item, startMs, endMs, outcome: 'ok', ...more }
}

function replica(name: string, ...items: string[]): ReplicaLists {
  return { replica: name, lists: new Map([['l', items]]) }
}

/** Two in a row, then two at once. */
const history = [
  push('a', 0, 1, { position: 1, index: 10 }),
  push('b', 2, 3, { position: 2, index: 11 }),
  push('c', 4, 8, { position: 4, index: 13 }),
  push('d', 5, 9, { position: 3, index: 12 }),
  push('unknown', 6, 7, { outcome: 'unknown' }),
  push('refused', 6, 7, { outcome: 'failed' }),
]

/** What the checker says of this history if one replica ended up with these items. */
const found = (operations: readonly Operation[], ...items: string[]) =>
  checkLists(operations, [replica('A', ...items)])

describe('finds nothing', () => {
  it('in a correct history, with the unknown item or without', () => {
    expect(found(history, 'a', 'b', 'd', 'c')).toEqual([])
    expect(found(history, 'a', 'b', 'd', 'c', 'unknown')).toEqual([])
    expect(checkLists(history, [replica('A', 'a', 'b', 'd', 'c'), replica('B', 'a', 'b', 'd', 'c')])).toEqual(
      [],
    )
  })

  it('in an unknown push that took effect long after it ended', () => {
    const operations = [push('late', 0, 1, { outcome: 'unknown' }), push('a', 5, 6, { position: 1 })]
    expect(found(operations, 'a', 'late')).toEqual([])
  })

  it('in lists that nobody pushed to, and in puts and gets', () => {
    const other: Operation = { ...push('x', 0, 1), kind: 'put', key: 'k' }
    expect(checkLists([other], [{ replica: 'A', lists: new Map([['l', []]]) }])).toEqual([])
  })
})

describe('finds a planted bug:', () => {
  it('an acknowledged item is lost', () => {
    expect(found(history, 'a', 'b', 'd')).toEqual(['A: l lacks c, which was acknowledged'])
  })

  it('a whole list is lost', () => {
    expect(checkLists(history.slice(0, 1), [{ replica: 'A', lists: new Map() }])).toEqual([
      'A: l lacks a, which was acknowledged',
    ])
  })

  it('an item is there twice', () => {
    expect(found(history, 'a', 'b', 'd', 'c', 'c')).toContain('A: l holds c twice')
    expect(found(history, 'a', 'b', 'd', 'c', 'unknown', 'unknown')).toEqual(['A: l holds unknown twice'])
  })

  it('a refused item was written', () => {
    expect(found(history, 'a', 'b', 'd', 'c', 'refused')).toEqual([
      'A: l holds refused, whose push was refused',
    ])
  })

  it('an item that nobody pushed', () => {
    expect(found(history, 'a', 'b', 'd', 'c', 'stray')).toEqual([
      'A: l holds stray, which nobody pushed there',
    ])
  })

  it('an item of another list', () => {
    const operations = [push('x', 0, 1, { key: 'm', position: 1 })]
    expect(found(operations, 'x')).toEqual([
      'A: m lacks x, which was acknowledged',
      'A: l holds x, which nobody pushed there',
    ])
  })

  it('an item at another position than the one that was acknowledged', () => {
    const operations = [push('a', 0, 9, { position: 1 }), push('b', 0, 9, { position: 1 })]
    expect(found(operations, 'a', 'b')).toEqual(['A: l holds b at 2, acknowledged was 1'])
    expect(found([push('a', 0, 1)], 'a')).toEqual(['A: l holds a at 1, acknowledged was no position'])
  })

  it('an item stands before one whose push had ended before its own began', () => {
    const operations = [push('a', 0, 1, { position: 2 }), push('b', 2, 3, { position: 1 })]
    expect(found(operations, 'b', 'a')).toEqual([
      'A: l holds b before a, whose push had ended before it began',
    ])
  })

  it('the same, with an unknown push that took effect before it began, and others between', () => {
    const operations = [
      push('a', 0, 1, { position: 3 }),
      push('b', 0, 9, { position: 2 }),
      push('early', 2, 3, { outcome: 'unknown' }),
    ]
    expect(found(operations, 'early', 'b', 'a')).toEqual([
      'A: l holds early before a, whose push had ended before it began',
    ])
  })

  it('a replica in another order, and one that lacks the end', () => {
    const operations = [push('x', 0, 9, { outcome: 'unknown' }), push('y', 0, 9, { outcome: 'unknown' })]
    const replicas = [replica('A', 'x', 'y'), replica('B', 'y', 'x'), replica('C', 'x')]
    expect(checkLists(operations, replicas)).toEqual([
      'A and B differ in l at 1: x and y',
      'A and C differ in l at 2: y and nothing',
    ])
  })

  it('a list that only one replica has', () => {
    const replicas = [replica('A'), { replica: 'B', lists: new Map([['l', ['x']]]) }]
    expect(checkLists([push('x', 0, 1, { outcome: 'unknown' })], replicas)).toEqual([
      'A and B differ in l at 1: nothing and x',
    ])
  })

  it('two entries of one index', () => {
    const operations = [
      push('a', 0, 9, { position: 1, index: 5 }),
      push('b', 0, 9, { position: 2, index: 5 }),
    ]
    expect(found(operations, 'a', 'b')).toEqual(['a and b have one index, 5'])
  })

  it('positions that do not rise with the index', () => {
    const operations = [
      push('a', 0, 9, { position: 1, index: 6 }),
      push('b', 0, 9, { position: 2, index: 5 }),
    ]
    expect(found(operations, 'a', 'b')).toEqual(['a has a higher index than b but no higher position in l'])
  })

  it('no replica to compare with', () => {
    expect(checkLists(history, [])).toEqual(['no replica was looked at'])
  })
})
