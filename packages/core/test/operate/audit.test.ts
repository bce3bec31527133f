import { EVIDENCE_FORMAT, type Evidence, type EvidenceRecord } from '../../src/apply/evidence.js'
import type { MemberAudit, MemberView } from '../../src/elect/members.js'
import type { LeaderInfo } from '../../src/events.js'
import { Audit, type Finding } from '../../src/operate/audit.js'
import type { Doubt } from '../../src/replicate/catch-up-listener.js'
import { memberView } from '../member-view.js'

/** An instance with a replica that computed `result` in its only range, and what the audit made it do. */
class Subject {
  result = 1
  since = 1
  index = 64
  doubted: Doubt | undefined
  leader: LeaderInfo | undefined = leaderOf(7)
  doubts = 0
  marks = 0
  readonly heirs: (readonly string[])[] = []
  readonly findings: Finding[] = []
  readonly audit: Audit

  constructor(enabled = true) {
    const find = (_: number, to: number) =>
      to === 64 && this.since === 1
        ? { to, history: 1, outcomes: this.result, sight: { state: 0, shape: 0 } }
        : undefined
    const evidence: Partial<Evidence> = { find, record: () => evidenceOf(this.result, this.since) }
    Object.defineProperty(evidence, 'since', { get: () => this.since })
    this.audit = new Audit({
      id: 'self',
      version: 1,
      evidence: enabled ? (evidence as Evidence) : undefined,
      index: () => this.index,
      halted: () => (this.doubted ? 'DIVERGED' : undefined),
      startsOverFrom: () => this.doubted,
      doubt: async (from) => {
        this.doubted = from
        this.doubts++
        return true
      },
      leader: () => this.leader,
      mark: () => this.marks++,
      stepDown: async (heirs) => void this.heirs.push(heirs),
      found: (finding) => this.findings.push(finding),
    })
  }

  /** It has loaded a snapshot. */
  startOver(): void {
    this.doubted = undefined
    this.since = this.index + 1
  }
}

function leaderOf(term: number): LeaderInfo {
  return { id: 'leader', term, url: undefined, publicUrl: undefined }
}

function evidenceOf(result: number, since = 1): EvidenceRecord {
  const ranges = since === 1 ? [[64, 1, result, 0, 0] as const] : []
  return { format: EVIDENCE_FORMAT, since, ranges: [ranges, []] }
}

function follower(
  id: string,
  result: number,
  given: Partial<MemberView> = {},
  audit: Partial<MemberAudit> = {},
) {
  return memberView(id, { audit: { evidence: evidenceOf(result), ...audit }, ...given })
}

/** A leader that has named this instance. */
function namedBy(term: number, to = 64): MemberView {
  const named = [{ id: 'self', from: to - 63, to }]
  return follower('leader', 2, { role: 'leader', term }, { named })
}

/** Lets what was not awaited happen. */
const soon = () => new Promise<void>((resolve) => setImmediate(resolve))

let self: Subject

beforeEach(() => {
  self = new Subject()
})

describe('on a leader', () => {
  it('names whoever differs, publishes that, and does so once', () => {
    const members = [follower('x', 2), follower('y', 1)]
    self.audit.asLeader(members)
    self.audit.asLeader(members)
    expect(self.findings).toEqual([{ id: 'x', from: 1, to: 64, byMajority: true }])
    expect(self.audit.record()?.named).toEqual([{ id: 'x', from: 1, to: 64 }])
    expect(self.audit.wish(members).barred('x')).toBe(true)
    expect(self.audit.wish(members).barred('y')).toBe(false)
  })

  it.each([
    ['has started over', [follower('x', 2, {}, { evidence: evidenceOf(2, 65) })]],
    ['is gone', []],
  ])('names nobody who %s', (_, after) => {
    self.audit.asLeader([follower('x', 2)])
    self.audit.asLeader(after)
    expect(self.audit.record()?.named).toBeUndefined()
  })

  it('compares only replicas of its own version that follow the log', () => {
    self.audit.asLeader([
      follower('newer', 2, { version: 2 }),
      follower('halted', 2, { halted: 'LOG_LOST' }),
      follower('older library', 2, { audit: undefined }),
      follower('newer library', 2, {}, { evidence: { ...evidenceOf(2), format: EVIDENCE_FORMAT + 1 } }),
    ])
    expect(self.findings).toEqual([])
  })

  it('that is alone stops serving, says so, and hands over to one of the others', async () => {
    self.audit.asLeader([follower('w', 2), follower('x', 2), follower('y', 2), follower('z', 3)])
    await soon()
    expect(self.findings).toEqual([{ id: 'self', from: 1, to: 64, byMajority: true }])
    expect([self.doubted, self.heirs]).toEqual(['fresh snapshot', [['w', 'x', 'y']]])
    expect(self.audit.status.differs).toEqual({ from: 1, to: 64 })
    expect(self.audit.record()).toMatchObject({ waitsFor: 65 })
    self.audit.asLeader([follower('x', 2), follower('y', 2)])
    expect(self.heirs).toHaveLength(2) // it tries again as long as it leads
    expect(self.findings).toHaveLength(1)
  })

  it('sees to a snapshot that whoever waits can start over from', () => {
    const waiting = [follower('x', 2, { halted: 'DIVERGED' }, { waitsFor: 65 })]
    self.audit.asLeader(waiting)
    expect([self.marks, self.audit.wish(waiting).index]).toEqual([1, 65])
    self.index = 65
    self.audit.asLeader(waiting)
    expect([self.marks, self.audit.wish(waiting).index]).toEqual([1, 65])
    expect(self.audit.wish([follower('y', 1)]).index).toBeUndefined()
  })

  it('refuses the snapshot of a replica that differs, of one it has named, and of one that is halted', () => {
    const { audit } = self
    expect(audit.refuses(follower('x', 1), evidenceOf(1))).toBe(false)
    expect(audit.refuses(follower('x', 1), evidenceOf(2))).toBe(true)
    expect(audit.refuses(follower('x', 1, { halted: 'DIVERGED' }), evidenceOf(1))).toBe(true)
    audit.asLeader([follower('x', 2)])
    expect(audit.refuses(follower('x', 1), evidenceOf(1))).toBe(true)
    expect(audit.refuses(follower('newer', 1, { version: 2 }), evidenceOf(2))).toBe(false)
    expect(audit.refuses(undefined, evidenceOf(2))).toBe(false)
  })
})

describe('on a follower', () => {
  it('that was named: stops, says so, and waits for a snapshot of somebody else', async () => {
    await self.audit.asFollower([namedBy(7)])
    expect([self.doubted, self.findings]).toEqual([
      'fresh snapshot',
      [{ id: 'self', from: 1, to: 64, again: false }],
    ])
    expect(self.audit.record()?.waitsFor).toBe(65)
    expect(self.audit.status).toMatchObject({ differs: { from: 1, to: 64 }, rebuilds: 0 })
    self.startOver()
    await self.audit.asFollower([namedBy(7)]) // which has not heard of that yet
    expect([self.doubted, self.findings.length]).toEqual([undefined, 1])
    expect(self.audit.status).toMatchObject({ differs: undefined, rebuilds: 1 })
  })

  it('heeds nobody but the leader', async () => {
    self.leader = { ...leaderOf(7), id: 'another' }
    await self.audit.asFollower([namedBy(7)])
    self.leader = undefined
    await self.audit.asFollower([namedBy(7)])
    expect(self.doubted).toBeUndefined()
  })

  it('that is named again at once stays halted, until another one leads', async () => {
    await self.audit.asFollower([namedBy(7)])
    self.startOver()
    self.index = 200
    await self.audit.asFollower([namedBy(7, 192)])
    expect(self.doubted).toBe('nothing')
    expect(self.findings.at(-1)).toMatchObject({ again: true })
    expect(self.audit.record()?.waitsFor).toBeUndefined()
    await self.audit.asFollower([namedBy(7, 192)])
    expect([self.doubted, self.findings.length]).toEqual(['nothing', 2])
    self.leader = leaderOf(8)
    await self.audit.asFollower([follower('leader', 1, { role: 'leader' })])
    expect(self.doubted).toBe('fresh snapshot')
  })

  it('that is named again much later starts over again', async () => {
    await self.audit.asFollower([namedBy(7)])
    self.startOver()
    self.index = 10_000
    await self.audit.asFollower([namedBy(7, 8192)])
    expect(self.doubted).toBe('fresh snapshot')
  })

  it('waits for nobody where nobody is left who could lead', async () => {
    await self.audit.asFollower([namedBy(7)])
    self.leader = undefined
    const dead = namedBy(7)
    await self.audit.asFollower([dead, follower('x', 1)])
    expect(self.doubted).toBe('fresh snapshot')
    await self.audit.asFollower([dead, follower('x', 1, { eligible: false })])
    expect(self.doubted).toBe('log')
    const asked = self.doubts
    await self.audit.asFollower([])
    expect(self.doubts).toBe(asked)
  })
})

it('does nothing where it is off', async () => {
  self = new Subject(false)
  self.audit.asLeader([follower('x', 2)])
  await self.audit.asFollower([namedBy(7)])
  expect(self.audit.record()).toBeUndefined()
  expect(self.audit.refuses(follower('x', 1), evidenceOf(2))).toBe(false)
  expect([self.findings, self.doubted, self.audit.status.enabled]).toEqual([[], undefined, false])
})
