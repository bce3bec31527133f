import type { Applier } from '../../src/apply/applier.js'
import { systemClock } from '../../src/clock.js'
import { createDeferred } from '../../src/deferred.js'
import type { AppendedBatch } from '../../src/log/appended.js'
import type { LogStore } from '../../src/log/log-store.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { CatchUp } from '../../src/replicate/catch-up.js'
import type { JobTransport } from '../../src/replicate/job-transport.js'
import { Receiver } from '../../src/replicate/receiver.js'
import { eventually } from '../../../../test/support/deadline.js'

const MIB = 1024 * 1024

/** What the replica was given of what was told, by its first index. */
let followed: number[]
/** The replica is busy with a snapshot, say, until this is resolved. */
let busy: ReturnType<typeof createDeferred<void>>
let receiver: Receiver

beforeEach(() => {
  followed = []
  busy = createDeferred<void>()
  const catchUp = {
    async follow({ first }: AppendedBatch) {
      await busy.promise
      followed.push(first)
      return true
    },
  } as CatchUp
  const transport = { acknowledge: async () => {} } as unknown as JobTransport
  receiver = new Receiver({
    ...{
      log: {} as LogStore,
      catchUp,
      applier: { index: 0, position: { term: 0, index: 0 } } as Applier,
      transport,
    },
    ...{ id: 'a', clock: systemClock, logger: silentLogger },
  })
})

function batch(first: number, size: number): AppendedBatch {
  return { logId: 'L', nonce: 'n', replId: 'r', term: 7, first, timeMs: 9, entries: ['x'.repeat(size)] }
}

it('has a busy replica get later what it was told meanwhile, in order', async () => {
  for (let first = 1; first <= 5; first++) receiver.appended(batch(first, 10))
  expect(followed).toEqual([])
  busy.resolve()
  await eventually(() => followed.length === 5)
  expect(followed).toEqual([1, 2, 3, 4, 5])
})

it('forgets all that waits when it becomes too much, so that a replica is not behind for ever', async () => {
  for (let first = 1; first <= 7; first++) receiver.appended(batch(first, MIB))
  busy.resolve()
  await eventually(() => followed.at(-1) === 7)
  expect(followed).toEqual([1, 6, 7]) // the first had its turn by then
})
