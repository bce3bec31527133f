import { Applier, VersionTooOld } from '../../src/apply/applier.js'
import type { Outcome, StateMachine } from '../../src/apply/state-machine.js'
import { type Entry, markerEntry } from '../../src/log/entry.js'
import { entryAt } from '../entries.js'

/** Remembers which entries it was given. */
class Witness implements StateMachine {
  readonly name = 'witness'
  readonly version = 2
  seen: number[] = []

  knows(command: string): boolean {
    return command === 'put'
  }

  apply({ index }: Entry): Outcome {
    this.seen.push(index)
    return { ok: true, result: `r${index}` }
  }

  reset(): void {
    this.seen = []
  }

  snapshot(): unknown {
    return this.seen
  }

  restore(state: unknown): void {
    this.seen = state as number[]
  }
}

let machine: Witness
let applied: string[]
let applier: Applier

beforeEach(() => {
  machine = new Witness()
  applied = []
  applier = new Applier(machine, ({ index }, outcome) => {
    applied.push(`${index} ${outcome.ok ? String(outcome.result) : 'failed'}, at ${applier.index}`)
  })
  applier.adopt('log')
})

it('applies in order, and tells of each once it has happened', () => {
  for (const index of [1, 2, 3]) applier.apply(entryAt(index), 'n')
  expect(machine.seen).toEqual([1, 2, 3])
  expect(applied).toEqual(['1 r1, at 1', '2 r2, at 2', '3 r3, at 3'])
  expect(applier.position).toEqual({ logId: 'log', term: 1, index: 3 })
  expect(applier.timeMs).toBe(entryAt(3).timeMs)
})

it('counts a marker, which changes nothing', () => {
  applier.apply(entryAt(1), 'n')
  applier.apply(entryAt(2, { ...markerEntry('m'), term: 2 }), 'o')
  applier.apply(entryAt(3, { term: 2 }), 'o')
  expect(machine.seen).toEqual([1, 3])
  expect(applied).toEqual(['1 r1, at 1', '2 undefined, at 2', '3 r3, at 3'])
  expect(applier.position).toEqual({ logId: 'log', term: 2, index: 3 })
})

it('applies each once, however often it comes', () => {
  for (const index of [1, 2, 1, 2, 2, 3, 1]) applier.apply(entryAt(index), 'n')
  expect(machine.seen).toEqual([1, 2, 3])
  expect(applied).toHaveLength(3)
})

it('throws on a gap and changes nothing', () => {
  applier.apply(entryAt(1), 'n')
  expect(() => applier.apply(entryAt(3), 'n')).toThrow(new RangeError('Entry 3 cannot follow entry 1'))
  expect(machine.seen).toEqual([1])
  expect(applier.index).toBe(1)
})

it('stops in front of what a newer version wrote, and knows it again later', () => {
  applier.apply(entryAt(1, { version: 2 }), 'n')
  const newer = entryAt(2, { version: 3 })
  expect(() => applier.apply(newer, 'n')).toThrow(VersionTooOld)
  expect(() => applier.apply(newer, 'n')).toThrow(
    'Entry 2 was written by version 3 of the app, this is version 2',
  )
  expect(applier.index).toBe(1)
  expect(applier.table.rows).toHaveLength(1)
  expect(machine.seen).toEqual([1])
})

it('stops in front of a command that its code does not have: recorded as failed, it would differ from the others', () => {
  applier.apply(entryAt(1), 'n')
  const unknown = entryAt(2, { command: 'take' })
  expect(() => applier.apply(unknown, 'n')).toThrow(VersionTooOld)
  expect(() => applier.apply(unknown, 'n')).toThrow(
    'Entry 2 runs the command "take", which this version 2 of the app does not have',
  )
  expect(applier.index).toBe(1)
  expect(machine.seen).toEqual([1])
})

it('knows the newest version among its entries, whichever version applied them', () => {
  expect(applier.newestVersion).toBe(0)
  applier.apply(entryAt(1), 'n')
  expect(applier.newestVersion).toBe(1)
  applier.apply(entryAt(2, { version: 2 }), 'n')
  expect(applier.newestVersion).toBe(2)
  applier.reset()
  expect(applier.newestVersion).toBe(0)
})

it('keeps a table of whose entries it applied', () => {
  applier.apply(entryAt(1, { term: 1 }), 'a')
  applier.apply(entryAt(2, { term: 1 }), 'a')
  applier.apply(entryAt(3, { term: 5 }), 'b')
  applier.apply(entryAt(4, { term: 5 }), 'b')
  expect(applier.table.rows).toEqual([
    { term: 1, nonce: 'a', first: 1 },
    { term: 5, nonce: 'b', first: 3 },
  ])
})

it('keeps its log for good once it has entries', () => {
  applier.adopt('another') // still empty
  applier.apply(entryAt(1), 'n')
  applier.adopt('another')
  expect(() => applier.adopt('log')).toThrow('A replica of log another cannot adopt log log')
})

it('starts over after a reset', () => {
  applier.apply(entryAt(1), 'n')
  applier.reset()
  expect(applier.position).toEqual({ logId: '', term: 0, index: 0 })
  expect(applier.table.rows).toEqual([])
  expect(machine.seen).toEqual([])
  applier.adopt('new')
  applier.apply(entryAt(1), 'm')
  expect(applier.position).toEqual({ logId: 'new', term: 1, index: 1 })
})
