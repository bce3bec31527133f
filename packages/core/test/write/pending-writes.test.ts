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

/** The entry was applied here for the first time. */
function applied(entry: Entry, outcome: Outcome): void {
  pending.applied(entry, { ...outcome, index: entry.index, term: entry.term })
}

const ok = (result: unknown) => ({ ok: true, result }) as const

it('answers with the result and the place of the entry', async () => {
  const { answer } = pending.add('op-7', 'data')
  applied(entryAt(7, { term: 3 }), ok({ balance: 5 }))
  await expect(answer).resolves.toEqual({ result: { balance: 5 }, index: 7, term: 3 })
})

it('answers a repeat with the place of the first', async () => {
  const { answer } = pending.add('op-7', 'data')
  pending.applied(entryAt(7), { ...ok('first'), index: 3, term: 1 })
  await expect(answer).resolves.toEqual({ result: 'first', index: 3, term: 1 })
})

it('answers with what the command threw', async () => {
  const { answer } = pending.add('op-7', 'data')
  const error = new CommandError('no')
  applied(entryAt(7), { ok: false, error })
  await expect(answer).rejects.toBe(error)
})

it('answers nobody where nobody waits', () => {
  applied(entryAt(7), ok(1))
  expect(pending.size).toBe(0)
})

it('gives a copy, so that the caller cannot reach into the state', async () => {
  const state = { list: [1] }
  const { answer } = pending.add('op-7', 'data')
  applied(entryAt(7), ok(state))
  const { result } = await answer
  ;(result as typeof state).list.push(2)
  expect(state.list).toEqual([1])
})

it.each([
  ['a bigint', { n: 1n }],
  ['a cycle', ((a) => Object.assign(a, { a }))({})],
])('a result with %s in it fails its write, and not the replica that applies it', async (_, result) => {
  const { answer } = pending.add('op-7', 'data')
  answer.catch(() => {})
  expect(() => applied(entryAt(7), ok(result))).not.toThrow()
  await expect(answer).rejects.toMatchObject({ code: 'COMMAND_FAILED' })
})

describe('after its timeout', () => {
  it('a write that was never sent is refused: it surely does not take effect', async () => {
    const { answer } = pending.add('op-1', 'data')
    const refusal = errorOf(answer)
    await clock.advance(TIMEOUT_MS)
    expect(await refusal).toMatchObject({ code: 'BUSY', retryable: true })
  })

  it('a write that was sent is unknown, and says so', async () => {
    const { write, answer } = pending.add('op-1', 'data')
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
      pending.add(opId, 'data').answer.catch(() => answered.push(`${opId} at ${clock.now()}`))
      await clock.advance(300)
    }
    await clock.advance(2000)
    expect(answered).toEqual(['op-1 at 1000', 'op-2 at 1300'])
    expect(clock.timers).toBe(0)
  })

  it('an entry that comes later changes no answer', async () => {
    const { answer } = pending.add('op-1', 'data')
    const refusal = errorOf(answer)
    await clock.advance(TIMEOUT_MS)
    applied(entryAt(1), ok(1))
    expect(await refusal).toMatchObject({ code: 'BUSY' })
  })
})

it('leaves no timer once all are answered', async () => {
  for (const opId of ['op-1', 'op-2']) void pending.add(opId, 'data').answer
  applied(entryAt(1), ok(1))
  expect(clock.timers).toBe(1)
  applied(entryAt(2), ok(2))
  await settle()
  expect(clock.timers).toBe(0)
})
