import { seededRandom } from '../../src/testing/seeded-random.js'
import { compareHistory, type Standing, TermTable } from '../../src/log/history.js'

/** Whose entry it is: what a log looks like to somebody who could see all of it. */
interface Reign {
  readonly term: number
  readonly nonce: string
}

/** A log entry by entry; `'aab'` is one entry of a, another of a, one of b. Terms rise as letters do. */
function logOf(letters: string): Reign[] {
  return letters.split('').map((letter) => ({ term: letter.charCodeAt(0) - 96, nonce: letter }))
}

function tableOf(log: readonly Reign[]): TermTable {
  const rows = log
    .map(({ term, nonce }, i) => ({ term, nonce, first: i + 1 }))
    .filter(({ nonce }, i) => nonce !== log[i - 1]?.nonce)
  return new TermTable(rows)
}

function compare(replica: readonly Reign[], log: readonly Reign[], logIds = ['L', 'L']): Standing {
  const [replicaLog = '', logId = ''] = logIds
  const position = { logId: replicaLog, index: replica.length, term: replica.at(-1)?.term ?? 0 }
  return compareHistory(
    { position, table: tableOf(replica) },
    { logId, head: log.length, table: tableOf(log) },
  )
}

/** The same by looking at every entry. */
function compareEntryByEntry(replica: readonly Reign[], log: readonly Reign[]): Standing {
  const shared = Math.min(replica.length, log.length)
  let agreed = 0
  while (agreed < shared && replica[agreed]?.nonce === log[agreed]?.nonce) agreed++
  if (agreed < shared) return { kind: 'off', agreedIndex: agreed }
  return { kind: replica.length > log.length ? 'ahead' : 'on' }
}

describe('compareHistory', () => {
  const on = { kind: 'on' }
  const ahead = { kind: 'ahead' }
  const off = (agreedIndex: number) => ({ kind: 'off', agreedIndex })

  it.each<[string, string, string, object]>([
    ['an empty replica', '', 'aab', on],
    ['an empty replica of an empty log', '', '', on],
    ['a replica at the head', 'aab', 'aab', on],
    ['a replica behind', 'aa', 'aab', on],
    ['a replica with entries that the log lost', 'aab', 'aa', ahead],
    ['a replica whose log lost everything', 'aab', '', ahead],
    ['another reign at the last entry', 'aab', 'aac', off(2)],
    ['another reign behind the last common entry', 'aaab', 'aac', off(2)],
    ['one reign that went on, and was rolled back and followed by another', 'aaaa', 'aabb', off(2)],
    ['one reign that began elsewhere', 'aab', 'abb', off(1)],
    ['nothing in common', 'ab', 'cd', off(0)],
    ['ahead, but off before that', 'aabbb', 'aac', off(2)],
    ['off in the middle of many reigns', 'abcdef', 'abcxyz', off(3)],
  ])('%s', (_, replica, log, standing) => {
    expect(compare(logOf(replica), logOf(log))).toEqual(standing)
  })

  it('tells two reigns of one nonce apart by their term', () => {
    expect(compare([{ term: 2, nonce: 'a' }], [{ term: 1, nonce: 'a' }])).toEqual(off(0))
  })

  it('tells two reigns of one term apart by their nonce', () => {
    const log = [{ term: 1, nonce: 'a' }]
    const replica = [{ term: 1, nonce: 'other' }]
    expect(compare(replica, log)).toEqual(off(0))
  })

  it('is off in all of it where the log is another one', () => {
    expect(compare(logOf('aab'), logOf('aab'), ['L', 'other'])).toEqual(off(0))
  })

  it('holds still where there is no log at all', () => {
    expect(compare(logOf('aab'), [], ['L', ''])).toEqual(ahead)
  })

  it('an empty replica fits any log', () => {
    expect(compare([], logOf('aab'), ['', 'L'])).toEqual(on)
  })

  it('agrees with a look at every entry, in 5000 random pasts', () => {
    const random = seededRandom(7)
    const below = (n: number) => Math.floor(random() * n)
    const kinds = new Set<string>()
    for (let i = 0; i < 5000; i++) {
      // Both sides descend from one log, forked at any point, even within a reign; a later reign never comes back.
      let reigns = 0
      const grow = (log: readonly Reign[]) => {
        const longer = [...log]
        for (let n = below(4); n > 0; n--) {
          // Two reigns that never knew of each other may have the same term number.
          const reign = { term: longer.length + below(2), nonce: `n${reigns++}` }
          longer.push(...Array.from({ length: 1 + below(3) }, () => reign))
        }
        return longer
      }
      const past = grow([])
      const fork = () => grow(past.slice(0, below(past.length + 1)))
      const [replica, log] = [fork(), fork()]
      const standing = compare(replica, log)
      const show = (side: readonly Reign[]) => side.map(({ nonce }) => nonce).join(' ')
      const seen = { replica: show(replica), log: show(log) }
      expect({ ...seen, standing }).toEqual({ ...seen, standing: compareEntryByEntry(replica, log) })
      kinds.add(standing.kind)
    }
    expect(kinds).toEqual(new Set(['on', 'ahead', 'off']))
  })
})

describe('a term table', () => {
  it('knows the owner of each entry', () => {
    const log = logOf('aaabccd')
    const table = tableOf(log)
    const owners = log.map((_, i) => table.ownerOf(i + 1))
    expect(owners.map((row) => row?.nonce)).toEqual(log.map(({ nonce }) => nonce))
    expect(owners.map((row) => row?.first)).toEqual([1, 1, 1, 4, 5, 5, 7])
  })

  it('gives what comes to the last reign, and nothing below the first', () => {
    const table = new TermTable([{ term: 2, nonce: 'b', first: 5 }])
    expect(table.ownerOf(1_000_000)?.term).toBe(2)
    expect(table.ownerOf(4)).toBeUndefined()
    expect(new TermTable().ownerOf(1)).toBeUndefined()
  })

  it('knows where each term ends', () => {
    const table = tableOf(logOf('aaabccd'))
    expect([1, 2, 3, 4, 5].map((term) => table.lastOf(term))).toEqual([3, 4, 6, Infinity, 0])
    expect(new TermTable().lastOf(1)).toBe(0)
  })

  it('takes its rows in any order', () => {
    const rows = tableOf(logOf('aabbcc')).rows
    expect(new TermTable(rows.toReversed()).rows).toEqual(rows)
  })

  it('begins a term behind all others only, and the same one once', () => {
    const table = tableOf(logOf('aab'))
    table.begin({ term: 2, nonce: 'b', first: 3 })
    expect(table.rows).toHaveLength(2)
    expect(() => table.begin({ term: 3, nonce: 'c', first: 3 })).toThrow(
      'Term 3 cannot begin at 3, behind term 2 at 3',
    )
    table.begin({ term: 3, nonce: 'c', first: 4 })
    expect(table.ownerOf(4)?.nonce).toBe('c')
  })
})
