import { eventually } from '../../../../test/support/deadline.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import type { AppendedBatch } from '../../src/log/appended.js'
import { encodeEntry } from '../../src/log/entry.js'
import type { Claim, TermConnection } from '../../src/log/log-store.js'
import type { Parts } from '../../src/parts.js'
import { LogOn } from './log-on.js'
import { OpenParts, servers } from './servers.js'

const open = new OpenParts()

afterEach(() => open.close())
afterAll(stopAll)

const entry = (name: string) =>
  encodeEntry({
    opId: name,
    fingerprint: '',
    since: undefined,
    version: 1,
    command: 'add',
    args: `${name}\n`,
  })

describe.each(servers)('the tail of the log of %s', (_name, start) => {
  const log = new LogOn(start)
  let follower: Parts
  let connection: TermConnection
  let claim: Claim

  beforeEach(async () => {
    follower = await open.of(log.server, 'b')
    ;({ connection, claim } = await log.leading())
  })

  function append(head: number, headTerm: number, ...names: string[]) {
    return connection.append({ head, headTerm, entries: names.map(entry) })
  }

  /** What the follower is told, from when it is said to have begun. */
  async function tail() {
    const told: AppendedBatch[] = []
    const counts = { begun: 0 }
    const end = follower.log.tail({
      begun: () => counts.begun++,
      appended: (batch) => told.push(batch),
    })
    await eventually(() => counts.begun > 0)
    return { told, counts, end }
  }

  it('is what was appended, with the stamp of the claim, in order', async () => {
    const { told } = await tail()
    const first = await append(0, 0, 'x', 'y')
    const second = await append(2, claim.term, 'z')
    await eventually(() => told.length === 2)
    const { term, nonce, replId } = claim
    const timeOf = (outcome: typeof first) => (outcome.kind === 'appended' ? outcome.timeMs : Number.NaN)
    const stamp = { logId: 'L', term, nonce, replId }
    expect(told).toEqual([
      { ...stamp, first: 1, timeMs: timeOf(first), entries: [entry('x'), entry('y')] },
      { ...stamp, first: 3, timeMs: timeOf(second), entries: [entry('z')] },
    ])
  })

  it('tells nothing of what was refused', async () => {
    const { told } = await tail()
    expect(await append(7, 7, 'x')).toMatchObject({ kind: 'mismatch' })
    await append(0, 0, 'y')
    await eventually(() => told.length > 0)
    expect(told.map(({ entries }) => entries)).toEqual([[entry('y')]])
  })

  it('ends when nobody wants it any more', async () => {
    const { told, end } = await tail()
    end()
    await append(0, 0, 'x')
    const again = await tail()
    await append(1, claim.term, 'y')
    await eventually(() => again.told.length > 0)
    expect(again.told.map(({ first }) => first)).toEqual([2])
    expect(told).toEqual([])
  })

  it('begins again behind a lost connection: what was appended meanwhile is not told', async () => {
    const { told, counts } = await tail()
    await append(0, 0, 'x')
    await eventually(() => told.length === 1)
    await log.server.restart()
    await eventually(() => counts.begun === 2)
    expect(told).toHaveLength(1)
  })
})
