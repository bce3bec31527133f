import type { Outcome } from '../../src/apply/state-machine.js'
import { CommandError } from '../../src/errors.js'
import type { Entry } from '../../src/log/entry.js'
import { PendingWrites } from '../../src/write/pending-writes.js'
import { errorOf } from '../error-of.js'
import { entryAt } from '../entries.js'
import { settle, VirtualClock } from '../../src/testing/virtual-clock.js'

const TIMEOUT_MS = 1000

let clock: VirtualClock
let pending: PendingWrites

beforeEach(() => {
  clock = new VirtualClock()
  pending = new PendingWrites(clock, TIMEOUT_MS)
})

/** A write with the fingerprint of `entryAt`. */
function add(opId: string, data: string, timeoutMs?: number) {
  return pending.add({ opId, fingerprint: 'f' }, data, timeoutMs)
}

/** The entry was applied here for the first time. */
function applied(entry: Entry, outcome: Outcome): void {
  pending.applied(entry, { ...outcome, index: entry.index, term: entry.term })
}

const ok = (result: unknown) => ({ ok: true, result }) as const

it('answers with the result and the place of the entry', async () => {
  const { answer } = add('op-7', 'data')
  applied(entryAt(7, { term: 3 }), ok({ balance: 5 }))
  await expect(answer).resolves.toEqual({ result: { balance: 5 }, index: 7, term: 3 })
})

it('answers a repeat with the place of the first', async () => {
  const { answer } = add('op-7', 'data')
  pending.applied(entryAt(7), { ...ok('first'), index: 3, term: 1 })
  await expect(answer).resolves.toEqual({ result: 'first', index: 3, term: 1 })
})

it('answers with what the command threw', async () => {
  const { answer } = add('op-7', 'data')
  const error = new CommandError('no')
  applied(entryAt(7), { ok: false, error })
  await expect(answer).rejects.toBe(error)
})

it('gives no answer to what another leader took under the same id', async () => {
  const { write, answer } = add('op-7', 'data')
  applied(entryAt(7, { fingerprint: 'of another' }), ok('not for this one'))
  expect(pending.has(write)).toBe(true)
  applied(entryAt(7), ok('for this one'))
  await expect(answer).resolves.toMatchObject({ result: 'for this one' })
})

it('answers nobody where nobody waits', () => {
  applied(entryAt(7), ok(1))
  expect(pending.size).toBe(0)
})

it('gives a copy, so that the caller cannot reach into the state', async () => {
  const state = { list: [1] }
  const { answer } = add('op-7', 'data')
  applied(entryAt(7), ok(state))
  const { result } = await answer
  ;(result as typeof state).list.push(2)
  expect(state.list).toEqual([1])
})

it.each([
  ['a bigint', { n: 1n }],
  ['a cycle', ((a) => Object.assign(a, { a }))({})],
])('a result with %s in it fails its write, and not the replica that applies it', async (_, result) => {
  const { answer } = add('op-7', 'data')
  answer.catch(() => {})
  expect(() => applied(entryAt(7), ok(result))).not.toThrow()
  await expect(answer).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
})

describe('after its timeout', () => {
  it('a write that was never sent is refused: it surely does not take effect', async () => {
    const { answer } = add('op-1', 'data')
    const refusal = errorOf(answer)
    await clock.advance(TIMEOUT_MS)
    expect(await refusal).toMatchObject({ code: 'BUSY', retryable: true })
  })

  it('a write that was sent is unknown, and says so', async () => {
    const { write, answer } = add('op-1', 'data')
    write.sent = true
    const error = errorOf(answer)
    await clock.advance(TIMEOUT_MS)
    expect(await error).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: false, opId: 'op-1' })
    expect((await error).message).toMatch(
      /^No answer within .*1000 ms.*: whether operation op-1 took effect is unknown\.$/,
    )
  })

  it('each is answered at its own time', async () => {
    const answered: string[] = []
    for (const opId of ['op-1', 'op-2']) {
      add(opId, 'data').answer.catch(() => answered.push(`${opId} at ${clock.now()}`))
      await clock.advance(300)
    }
    await clock.advance(2000)
    expect(answered).toEqual(['op-1 at 1000', 'op-2 at 1300'])
    expect(clock.timers).toBe(0)
  })

  it('an entry that comes later changes no answer', async () => {
    const { answer } = add('op-1', 'data')
    const refusal = errorOf(answer)
    await clock.advance(TIMEOUT_MS)
    applied(entryAt(1), ok(1))
    expect(await refusal).toMatchObject({ code: 'BUSY' })
  })
})

it('never gives up one write for another of the same operation', async () => {
  const { answer } = add('op-7', 'data')
  expect(() => add('op-7', 'other data')).toThrow('op-7 is under way already')
  applied(entryAt(7), ok('first'))
  await expect(answer).resolves.toMatchObject({ result: 'first' })
})

describe('a repeat of a write that waits', () => {
  /** Codes in the order in which they came, and when. */
  const answered: string[] = []
  const note = (name: string, answer: Promise<unknown>) =>
    void answer.then(
      () => answered.push(`${name} at ${clock.now()}`),
      ({ code }: { code: string }) => answered.push(`${name} ${code} at ${clock.now()}`),
    )

  beforeEach(() => void answered.splice(0))

  it('gets the same answer', async () => {
    const { write, answer } = add('op-7', 'data')
    const again = pending.join(write)
    applied(entryAt(7), ok('first'))
    expect(await again).toEqual(await answer)
    expect(clock.timers).toBe(0)
  })

  it('waits as long as it wants to itself, be that shorter', async () => {
    const { write, answer } = add('op-7', 'data')
    note('first', answer)
    note('repeat', pending.join(write, 200))
    await clock.advance(500)
    expect(answered).toEqual(['repeat OUTCOME_UNKNOWN at 200']) // not refused: the write may still be sent
    applied(entryAt(7), ok('first'))
    await settle()
    expect(answered.slice(1)).toEqual(['first at 500'])
  })

  it.each([
    ['by its own', 200],
    ['by that of the node', undefined],
  ])('or longer than the first, whose time is over %s', async (_, timeoutMs) => {
    const { write, answer } = add('op-7', 'data', timeoutMs)
    note('first', answer)
    await clock.advance(100)
    note('repeat', pending.join(write))
    const untilMs = timeoutMs ?? TIMEOUT_MS
    await clock.advance(untilMs - 50)
    expect(answered).toEqual([`first OUTCOME_UNKNOWN at ${untilMs}`])
    expect(pending.has(write)).toBe(true)
    applied(entryAt(7), ok('first'))
    await settle()
    expect(answered.slice(1)).toEqual([`repeat at ${untilMs + 50}`])
    expect(clock.timers).toBe(0)
  })

  it('is refused if nobody else waits by then, and it was never sent', async () => {
    const { write, answer } = add('op-7', 'data', 200)
    note('first', answer)
    note('repeat', pending.join(write, 5000))
    await clock.advance(2000)
    expect(answered).toEqual(['first OUTCOME_UNKNOWN at 200', 'repeat BUSY at 1000'])
    expect(pending.size).toBe(0)
  })
})

it('leaves no timer once all are answered', async () => {
  for (const opId of ['op-1', 'op-2']) void add(opId, 'data').answer
  applied(entryAt(1), ok(1))
  expect(clock.timers).toBe(1)
  applied(entryAt(2), ok(2))
  await settle()
  expect(clock.timers).toBe(0)
})
