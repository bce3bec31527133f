import { createDeferred } from '../../src/deferred.js'
import { LeaseholdError, NotLeaderError } from '../../src/errors.js'
import { encodeEntry, type Entry } from '../../src/log/entry.js'
import { TermTable } from '../../src/log/history.js'
import type { Claim } from '../../src/log/log-store.js'
import { PendingWrites } from '../../src/write/pending-writes.js'
import type { SentBatch } from '../../src/write/sent-batch.js'
import { Writer } from '../../src/write/writer.js'
import { settle, VirtualClock } from '../../src/testing/virtual-clock.js'
import { ScriptedConnection, type SentAppend } from './scripted-connection.js'

const TIMEOUT_MS = 1000
const KIB = 1024

let clock: VirtualClock
let pending: PendingWrites
let writer: Writer
let connection: ScriptedConnection
let mayAppend: boolean
let fenced: string[]
let batches: SentBatch[]

/** A replica that applies what its leader appended: a command's result is its argument. */
function apply(entries: readonly Entry[]): void {
  for (const entry of entries) {
    const { index, term, args } = entry
    pending.applied(entry, { ok: true, result: args, index, term })
  }
}

function setUp({ maxQueuedWrites = 10_000, maxQueuedBytes = 64 * KIB * KIB } = {}): void {
  clock = new VirtualClock()
  pending = new PendingWrites(clock, TIMEOUT_MS)
  connection = new ScriptedConnection()
  mayAppend = true
  fenced = []
  batches = []
  const listener = {
    mayAppend: () => mayAppend,
    notLeader: (why: string) => new NotLeaderError(undefined, why),
    appended: apply,
    fenced: (why: string) => fenced.push(why),
    requestTimed: () => {},
    sent: (batch: SentBatch) => batches.push(batch),
  }
  writer = new Writer({ listener, pending, clock, maxQueuedWrites, maxQueuedBytes })
}

/** What a claim of `term` found. */
function claimOf(term: number, head = 0, rows: { term: number; first: number }[] = []): Claim {
  const table = new TermTable(rows.map((row) => ({ ...row, nonce: `n${row.term}` })))
  const headTerm = rows.at(-1)?.term ?? 0
  return {
    logId: 'L',
    nonce: `n${term}`,
    replId: 'r',
    seed: '',
    term,
    head,
    headTerm,
    table,
    replIdChanged: false,
  }
}

/** A write whose entry has this name as its argument and operation id; `bytes` is about how large it is. */
function submit(name: string, bytes = 0): Promise<unknown> {
  const operation = { opId: name, fingerprint: 'x'.repeat(bytes) }
  const data = encodeEntry({ ...operation, version: 1, command: 'put', args: name })
  const answer = writer.submit(operation, data)
  answer.catch(() => {})
  return answer.then(({ result, index, term }) => `${String(result)} at ${index} of ${term}`)
}

function namesIn({ request }: SentAppend): string[] {
  return request.entries.map((data) => (JSON.parse(data) as { o: string }).o)
}

/** The names in each append so far. */
const sent = (on = connection) => on.appends.map(namesIn)

function last(on = connection): SentAppend {
  const append = on.appends.at(-1)
  if (!append) throw new Error('Nothing was sent')
  return append
}

async function codeOf(answer: Promise<unknown>): Promise<string> {
  return answer.then(String, (error: unknown) =>
    error instanceof LeaseholdError ? error.code : String(error),
  )
}

/** Whether somebody has answered yet. */
async function isOpen(answer: Promise<unknown>): Promise<boolean> {
  let open = true
  const close = () => (open = false)
  answer.then(close, close)
  await settle()
  return open
}

beforeEach(() => setUp())

describe('holding appends back', () => {
  /** A piece of work on the replica that ends when the test says so. */
  function held(): { done: Promise<unknown>; begun: () => boolean; end: () => void } {
    const work = createDeferred<string>()
    let begun = false
    const done = writer.hold(() => {
      begun = true
      return work.promise
    })
    return { done, begun: () => begun, end: () => work.resolve('done') }
  }

  it('waits for the append in flight, and lets the next one go when the work is done', async () => {
    writer.open(connection, claimOf(3))
    void submit('a')
    await settle()
    const work = held()
    void submit('b')
    await settle()
    expect([work.begun(), sent()]).toEqual([false, [['a']]])
    last().accept()
    await settle()
    expect([work.begun(), sent()]).toEqual([true, [['a']]])
    work.end()
    expect(await work.done).toBe('done')
    expect(sent()).toEqual([['a'], ['b']])
  })

  it('lasts until the last of several is done', async () => {
    writer.open(connection, claimOf(3))
    const [first, second] = [held(), held()]
    void submit('a')
    first.end()
    await first.done
    await settle()
    expect(sent()).toEqual([])
    second.end()
    await second.done
    expect(sent()).toEqual([['a']])
  })

  it('holds on where this instance comes to lead meanwhile', async () => {
    const work = held()
    await settle()
    writer.open(connection, claimOf(3))
    void submit('a')
    await settle()
    expect([work.begun(), sent()]).toEqual([true, []])
    work.end()
    await work.done
    expect(sent()).toEqual([['a']])
  })

  it('ends when the work fails', async () => {
    writer.open(connection, claimOf(3))
    await expect(writer.hold(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    void submit('a')
    await settle()
    expect(sent()).toEqual([['a']])
  })
})

describe('group commit', () => {
  beforeEach(() => writer.open(connection, claimOf(3)))

  it('sends the writes of one turn together', async () => {
    for (const name of ['a', 'b', 'c']) void submit(name)
    await settle()
    expect(sent()).toEqual([['a', 'b', 'c']])
  })

  it('gathers what comes while an append is in flight, and sends it next', async () => {
    void submit('a')
    await settle()
    for (const name of ['b', 'c']) {
      void submit(name)
      await settle()
    }
    expect(sent()).toEqual([['a']])
    last().accept()
    await settle()
    expect(sent()).toEqual([['a'], ['b', 'c']])
  })

  it('answers each write with its own result and place', async () => {
    const answers = [submit('a'), submit('b')]
    await settle()
    last().accept()
    await expect(Promise.all(answers)).resolves.toEqual(['a at 1 of 3', 'b at 2 of 3'])
  })

  it('says with each append where it believes that the log ends', async () => {
    writer.open(connection, claimOf(5, 7, [{ term: 2, first: 1 }]))
    for (const name of ['a', 'b']) void submit(name)
    await settle()
    expect(last().request).toMatchObject({ head: 7, headTerm: 2 })
    last().accept()
    void submit('c')
    await settle()
    expect(last().request).toMatchObject({ head: 9, headTerm: 5 })
  })

  it('takes at most 512 entries at once', async () => {
    for (let i = 0; i < 1025; i++) void submit(`w${i}`)
    await settle()
    for (const append of connection.appends) append.accept()
    await settle()
    expect(sent().map((names) => names.length)).toEqual([512, 512, 1])
    expect(sent().flat()).toEqual(Array.from({ length: 1025 }, (_, i) => `w${i}`))
  })

  it('takes at most 1 MiB at once', async () => {
    for (let i = 0; i < 5; i++) void submit(`w${i}`, 300 * KIB)
    await settle()
    last().accept()
    await settle()
    expect(sent().map((names) => names.length)).toEqual([3, 2])
    const bytes = connection.appends[0]?.request.entries.reduce((sum, data) => sum + data.length, 0)
    expect(bytes).toBeLessThanOrEqual(KIB * KIB)
  })

  it('sends an entry that is larger than that by itself', async () => {
    for (const [name, bytes] of [
      ['a', 1],
      ['b', 2 * KIB * KIB],
      ['c', 1],
    ] as const)
      void submit(name, bytes)
    await settle()
    for (let i = 0; i < 2; i++) {
      last().accept()
      await settle()
    }
    expect(sent()).toEqual([['a'], ['b'], ['c']])
  })
})

describe('where many wait', () => {
  const MANY = 256
  /** The names of the writes that many callers submit in one turn, from a number on. */
  const names = (from: number, count: number) => Array.from({ length: count }, (_, i) => `w${from + i}`)

  async function submitMany(from = 0, count = MANY): Promise<{ answers: Promise<unknown>[] }> {
    const answers = names(from, count).map((name) => submit(name))
    for (const answer of answers) answer.catch(() => {})
    await settle()
    return { answers }
  }

  function appendAt(at: number): SentAppend {
    const append = connection.appends[at]
    if (!append) throw new Error(`${at} was not sent`)
    return append
  }

  beforeEach(() => writer.open(connection, claimOf(5, 7, [{ term: 2, first: 1 }])))

  it('sends a second append behind the first, which names the head that this will leave', async () => {
    const { answers } = await submitMany()
    expect(sent()).toEqual([names(0, 128), names(128, 128)])
    expect(appendAt(0).request).toMatchObject({ head: 7, headTerm: 2 })
    expect(appendAt(1).request).toMatchObject({ head: 135, headTerm: 5 })
    appendAt(0).accept()
    appendAt(1).accept()
    expect(await Promise.all(answers)).toEqual(names(0, MANY).map((name, i) => `${name} at ${8 + i} of 5`))
  })

  it('sends no third before the first is answered, and one then', async () => {
    await submitMany()
    await submitMany(256, 100)
    expect(sent()).toHaveLength(2)
    appendAt(0).accept()
    await settle()
    expect(sent()[2]).toEqual(names(256, 100))
    expect(appendAt(2).request).toMatchObject({ head: 263, headTerm: 5 })
  })

  it('gathers few until nothing is in flight', async () => {
    await submitMany()
    await submitMany(256, 63)
    appendAt(0).accept()
    await settle()
    expect(sent()).toHaveLength(2)
    appendAt(1).accept()
    await settle()
    expect(sent()[2]).toEqual(names(256, 63))
  })

  it('lets work on the replica begin when both are answered', async () => {
    await submitMany()
    let begun = false
    const held = writer.hold(async () => {
      begun = true
    })
    appendAt(0).accept()
    await settle()
    expect(begun).toBe(false)
    appendAt(1).accept()
    await held
    expect(begun).toBe(true)
  })

  it('after one that was refused sends nothing until all are answered, and then the second again, alone', async () => {
    const { answers } = await submitMany()
    await submitMany(256, 100)
    appendAt(0).answer({ kind: 'refused', error: new Error('OOM'), lasting: false })
    await settle()
    expect(sent()).toHaveLength(2)
    appendAt(1).answer({ kind: 'mismatch', why: 'the log ends at 7, not at 135' })
    await settle()
    expect(fenced).toEqual([])
    expect(await codeOf(Promise.resolve(answers[0]))).toBe('LOG_REFUSED')
    // In the order in which they came, from where the log ends.
    expect(sent().slice(2).flat()).toEqual(names(128, 228))
    expect(appendAt(2).request).toMatchObject({ head: 7, headTerm: 2 })
    appendAt(2).accept()
    await expect(answers[128]).resolves.toBe('w128 at 8 of 5')
  })

  it('takes a mismatch of the first for what it is: somebody else has written', async () => {
    const { answers } = await submitMany()
    appendAt(0).answer({ kind: 'mismatch', why: 'the log ends at 9, not at 7' })
    appendAt(1).answer({ kind: 'mismatch', why: 'the log ends at 9, not at 135' })
    await settle()
    expect(fenced).toEqual(['the log ends at 9, not at 7'])
    writer.close('It was deposed')
    expect(new Set(await Promise.all(answers.map(codeOf)))).toEqual(new Set(['NOT_LEADER']))
    expect(sent()).toHaveLength(2)
  })

  it('with both replies lost, and the first in the log only, sends the second again and in order', async () => {
    const { answers } = await submitMany()
    appendAt(0).lose()
    await settle()
    const found = claimOf(6, 135, [
      { term: 2, first: 1 },
      { term: 5, first: 8 },
    ])
    writer.resolveLost(found, true)
    const next = new ScriptedConnection()
    writer.open(next, found)
    await settle()
    expect(sent(next).flat()).toEqual(names(128, 128))
    expect(await isOpen(Promise.resolve(answers[0]))).toBe(true) // answered when the replica gets there
    for (const append of next.appends) append.accept()
    await expect(answers[255]).resolves.toBe('w255 at 263 of 6')
  })

  it('with none of them in the log, sends all again in the order in which they came', async () => {
    await submitMany()
    appendAt(0).lose()
    await settle()
    const found = claimOf(6, 7, [{ term: 2, first: 1 }])
    writer.resolveLost(found, true)
    const next = new ScriptedConnection()
    writer.open(next, found)
    await settle()
    expect(sent(next).flat()).toEqual(names(0, MANY))
  })

  it('when the log has moved, sends what it did not take again in order', async () => {
    await submitMany()
    appendAt(0).answer({ kind: 'moved' })
    await settle()
    appendAt(1).lose() // its connection was closed
    await settle()
    const found = claimOf(6, 7, [{ term: 2, first: 1 }])
    writer.resolveLost(found, true)
    const next = new ScriptedConnection()
    writer.open(next, found)
    await settle()
    expect(sent(next).flat()).toEqual(names(0, MANY))
  })
})

describe('a bounded queue', () => {
  it('refuses the write too many as BUSY, and no other', async () => {
    setUp({ maxQueuedWrites: 2 })
    writer.open(connection, claimOf(3))
    const answers = ['a', 'b', 'c'].map((name) => submit(name))
    await expect(answers[2]).rejects.toMatchObject({
      code: 'BUSY',
      retryable: true,
      message:
        '2 writes are waiting for the log, the bound is maxQueuedWrites, 2. Nothing was written; try again later.',
    })
    last().accept()
    expect(await Promise.all(answers.slice(0, 2))).toHaveLength(2)
    void submit('d')
    await settle()
    expect(sent()).toEqual([['a', 'b'], ['d']])
  })

  it('refuses what goes beyond the bytes, counting them down as they leave', async () => {
    setUp({ maxQueuedBytes: 10 * KIB })
    writer.open(connection, claimOf(3))
    void submit('a', 6 * KIB)
    await expect(submit('b', 6 * KIB)).rejects.toThrow('the bound is maxQueuedBytes, 10240 bytes')
    expect(await isOpen(submit('c', 6 * KIB))).toBe(true) // a has left
    expect(sent()).toEqual([['a']])
  })

  it('counts no write twice that is sent again', async () => {
    setUp({ maxQueuedBytes: 10 * KIB })
    writer.open(connection, claimOf(3))
    void submit('a', 6 * KIB)
    await settle()
    last().lose()
    await settle()
    writer.resolveLost(claimOf(4), true)
    await expect(submit('b', 6 * KIB)).rejects.toMatchObject({ code: 'BUSY' })
    writer.open(new ScriptedConnection(), claimOf(4))
    await settle()
    expect(await isOpen(submit('c', 6 * KIB))).toBe(true)
  })
})

describe('without a term', () => {
  it('refuses a write before the first', async () => {
    expect(await codeOf(submit('a'))).toBe('NOT_LEADER')
    expect(pending.size).toBe(0)
  })

  it('keeps writes while the leader claims anew, and sends them under the next term', async () => {
    writer.open(connection, claimOf(3))
    writer.suspend()
    const answer = submit('a')
    await settle()
    expect(sent()).toEqual([])
    const next = new ScriptedConnection()
    writer.open(next, claimOf(4))
    await settle()
    last(next).accept()
    await expect(answer).resolves.toBe('a at 1 of 4')
  })

  it('refuses at the end of the reign what was never sent', async () => {
    writer.open(connection, claimOf(3))
    const inFlight = submit('a')
    await settle()
    const waiting = submit('b')
    writer.close('This instance is not the leader any more')
    await expect(waiting).rejects.toThrow('This instance is not the leader any more')
    expect(await isOpen(inFlight)).toBe(true)
    expect(writer.queued).toBe(0)
  })

  it('leaves to the log what was in flight when the term ended', async () => {
    writer.open(connection, claimOf(3))
    const answer = submit('a')
    await settle()
    writer.close('over')
    last().accept() // it is in the log, but this replica has not compared itself with that any more
    expect(await isOpen(answer)).toBe(true)
    apply([{ index: 1, term: 3, opId: 'a', fingerprint: '', args: 'a' } as Entry])
    await expect(answer).resolves.toBe('a at 1 of 3')
  })
})

it('sends nothing once the deadline has passed, and says that nothing was written', async () => {
  writer.open(connection, claimOf(3))
  mayAppend = false
  const answer = submit('a')
  await expect(answer).rejects.toThrow('The lease had run out when the write was to be sent')
  expect(await codeOf(answer)).toBe('NOT_LEADER')
  expect(sent()).toEqual([])
})

describe('refused by the log', () => {
  beforeEach(() => writer.open(connection, claimOf(3)))

  it('as fenced: says so, and sends nothing more', async () => {
    const answer = submit('a')
    await settle()
    void submit('b')
    last().answer({ kind: 'fenced', why: 'term 4' })
    await expect(answer).rejects.toThrow('The log refused the write as FENCED (term 4)')
    await settle()
    expect(fenced).toEqual(['term 4'])
    expect(sent()).toEqual([['a']])
  })

  it.each([
    ['goes on where only this write was refused', false, [['a'], ['b']]],
    ['closes the connection where the server takes none', true, [['a'], ['b']]],
  ])('for a reason of its own: %s', async (_, lasting, batches) => {
    const answer = submit('a')
    await settle()
    void submit('b')
    last().answer({ kind: 'refused', error: new Error('OOM command not allowed'), lasting })
    await expect(answer).rejects.toMatchObject({ code: 'LOG_REFUSED', retryable: true })
    await expect(answer).rejects.toThrow('OOM command not allowed')
    await settle()
    expect(connection.closed.aborted).toBe(lasting)
    expect(sent()).toEqual(batches)
  })
})

describe('when the log has moved to another server', () => {
  let answer: Promise<unknown>

  beforeEach(async () => {
    writer.open(connection, claimOf(3))
    answer = submit('a')
    await settle()
    submit('b').catch(() => {})
  })

  it('leaves the connection, and sends the same writes in the next term of the reign', async () => {
    last().answer({ kind: 'moved' })
    await settle()
    expect(connection.closed.aborted).toBe(true)
    expect(sent()).toEqual([['a']])
    const next = new ScriptedConnection()
    writer.open(next, claimOf(4))
    await settle()
    expect(sent(next)).toEqual([['a', 'b']])
  })

  it('refuses them when the reign is over: nothing was written', async () => {
    writer.close('It was deposed')
    last().answer({ kind: 'moved' })
    await expect(answer).rejects.toMatchObject({ code: 'NOT_LEADER' })
    expect(writer.queued).toBe(0)
  })
})

describe('when a reply is lost', () => {
  let answer: Promise<unknown>

  beforeEach(async () => {
    writer.open(connection, claimOf(3))
    answer = submit('a')
    await settle()
    last().lose()
    await settle()
  })

  it('closes the connection and says nothing yet', async () => {
    expect(connection.closed.aborted).toBe(true)
    expect(await isOpen(answer)).toBe(true)
  })

  it('in the log: answers when the replica gets there, and sends it no second time', async () => {
    writer.resolveLost(claimOf(4, 1, [{ term: 3, first: 1 }]), true)
    const next = new ScriptedConnection()
    writer.open(next, claimOf(4, 1, [{ term: 3, first: 1 }]))
    expect(await isOpen(answer)).toBe(true)
    apply([{ index: 1, term: 3, opId: 'a', fingerprint: '', args: 'a' } as Entry])
    await expect(answer).resolves.toBe('a at 1 of 3')
    expect(sent(next)).toEqual([])
  })

  it('not in the log, under an own claim: sends it again, in front of later ones', async () => {
    void submit('b')
    writer.resolveLost(claimOf(4), true)
    const next = new ScriptedConnection()
    writer.open(next, claimOf(4))
    await settle()
    expect(sent(next)).toEqual([['a', 'b']])
    last(next).accept()
    await expect(answer).resolves.toBe('a at 1 of 4')
  })

  it('not in the log, under the claim of another: nothing was written', async () => {
    writer.resolveLost(claimOf(4), false)
    await expect(answer).rejects.toThrow('The leader was replaced before the write entered the log')
    expect(await codeOf(answer)).toBe('NOT_LEADER')
  })

  it('in another life of Redis: unknown', async () => {
    writer.resolveLost({ ...claimOf(4), replId: 's' }, true)
    await expect(answer).rejects.toThrow('Redis lost entries after the write was sent')
    expect(await codeOf(answer)).toBe('OUTCOME_UNKNOWN')
  })

  it('its claim is still the last: open, until another one decides', async () => {
    writer.resolveLost(claimOf(3), false)
    expect(await isOpen(answer)).toBe(true)
    writer.resolveLost(claimOf(4), false)
    expect(await codeOf(answer)).toBe('NOT_LEADER')
  })

  it('a caller who was told "unknown" is not overtaken by a second attempt', async () => {
    await clock.advance(TIMEOUT_MS)
    expect(await codeOf(answer)).toBe('OUTCOME_UNKNOWN')
    writer.resolveLost(claimOf(4), true)
    const next = new ScriptedConnection()
    writer.open(next, claimOf(4))
    await settle()
    expect(sent(next)).toEqual([])
  })
})

it('a reply that is lost after the reign is decided by what the log said meanwhile', async () => {
  writer.open(connection, claimOf(3))
  const answer = submit('a')
  await settle()
  writer.close('over')
  writer.resolveLost(claimOf(4), false)
  last().lose()
  expect(await codeOf(answer)).toBe('NOT_LEADER')
})

describe('after the timeout', () => {
  beforeEach(() => writer.open(connection, claimOf(3)))

  it('what waits is BUSY and is not sent any more; what was sent is unknown', async () => {
    const inFlight = submit('a')
    await settle()
    const waiting = submit('b')
    await clock.advance(TIMEOUT_MS)
    expect(await codeOf(inFlight)).toBe('OUTCOME_UNKNOWN')
    expect(await codeOf(waiting)).toBe('BUSY')
    last().accept()
    await settle()
    expect(sent()).toEqual([['a']])
  })
})

describe('drain', () => {
  beforeEach(() => writer.open(connection, claimOf(3)))

  it('takes no more writes, and resolves once those taken are answered', async () => {
    const first = submit('a')
    await settle()
    const second = submit('b')
    const drained = writer.drain(new AbortController().signal)
    expect(await codeOf(submit('c'))).toBe('NOT_LEADER')
    last().accept()
    await settle()
    expect(await isOpen(drained)).toBe(true)
    last().accept()
    await drained
    await expect(Promise.all([first, second])).resolves.toEqual(['a at 1 of 3', 'b at 2 of 3'])
  })

  it('also takes along what was submitted in the same turn', async () => {
    const answer = submit('a')
    const drained = writer.drain(new AbortController().signal)
    expect(await isOpen(drained)).toBe(true)
    last().accept()
    await drained
    await expect(answer).resolves.toBe('a at 1 of 3')
  })
})
