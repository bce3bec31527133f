import { stopAll } from '../../../../test/support/stop-all.js'
import { encodeEntry } from '../../src/log/entry.js'
import type { Claim, ClaimOutcome, ClaimRequest, TermConnection } from '../../src/log/log-store.js'
import type { SnapshotHead } from '../../src/log/snapshot.js'
import type { Parts } from '../../src/parts.js'
import { OpenParts, type Server, servers } from './servers.js'

const open = new OpenParts()
const never = new AbortController().signal

afterEach(() => open.close())
afterAll(stopAll)

const entry = (name: string) =>
  encodeEntry({ opId: name, fingerprint: '', since: undefined, version: 1, command: 'add', args: { name } })

describe.each(servers)('the log of %s', (_name, start) => {
  let server: Server
  let parts: Parts
  let leaseValue: string

  beforeAll(async () => {
    server = await start()
  })

  beforeEach(async () => {
    await server.wipe()
    parts = await open.of(server, 'a')
    const lease = await parts.leases.acquire()
    leaseValue = lease?.value ?? ''
  })

  async function claimOn(
    connection: TermConnection,
    other: Partial<ClaimRequest> = {},
  ): Promise<ClaimOutcome> {
    return connection.claim({
      expectedTerm: await connection.storedTerm(),
      floor: 0,
      leader: { id: 'a', url: 'http://a', publicUrl: undefined },
      leaseValue,
      reason: undefined,
      appVersion: 1,
      ...other,
    })
  }

  async function claimed(
    other: Partial<ClaimRequest> = {},
  ): Promise<{ connection: TermConnection; claim: Claim }> {
    const connection = await parts.log.openTerm(never)
    const outcome = await claimOn(connection, other)
    if (outcome.kind !== 'claimed') throw new Error(outcome.kind)
    return { connection, claim: outcome.claim }
  }

  /** A leader with a log that has so many entries. */
  async function leading(entries = 0) {
    const leader = await claimed()
    await leader.connection.createLog('L')
    if (entries > 0) await append(leader.connection, 0, 0, entries)
    return leader
  }

  function append(connection: TermConnection, head: number, headTerm: number, count = 1) {
    const entries = Array.from({ length: count }, (_, i) => entry(`e${head + i + 1}`))
    return connection.append({ head, headTerm, entries })
  }

  const page = (after = 0, limit = 100) => parts.log.read(after, limit, undefined)

  async function store(head: Pick<SnapshotHead, 'id' | 'index' | 'term' | 'terms'>): Promise<SnapshotHead> {
    const whole = { logId: 'L', timeMs: 5, version: 1, chunks: 1, bytes: 3, sha256: 'x', ...head }
    await parts.snapshots.writeChunk(head.id, 0, Buffer.from('abc'))
    await parts.snapshots.writeHead(whole)
    return whole
  }

  describe('a claim', () => {
    it('finds nothing at first, gets a term, and is what everybody reads then', async () => {
      const { claim } = await claimed({ reason: 'expired' })
      expect(claim).toMatchObject({ logId: '', head: 0, headTerm: 0, replIdChanged: false })
      expect(claim.term).toBeGreaterThan(1e12)
      const { nonce, replId } = claim
      expect(await page()).toMatchObject({
        ...{
          term: claim.term,
          nonce,
          replId,
          leaseValue,
          reason: 'expired',
          leaderChanges: 1,
          head: 0,
          first: 1,
        },
        leader: { id: 'a', url: 'http://a', publicUrl: undefined, term: claim.term },
      })
    })

    it('is outrun if another came between', async () => {
      const [first, second] = await Promise.all([parts.log.openTerm(never), parts.log.openTerm(never)])
      const expectedTerm = await second.storedTerm()
      const outcome = await claimOn(first)
      const term = outcome.kind === 'claimed' ? outcome.claim.term : undefined
      expect(await claimOn(second, { expectedTerm })).toEqual({ kind: 'outrun', term })
    })

    it('needs the lease', async () => {
      const connection = await parts.log.openTerm(never)
      expect(await claimOn(connection, { leaseValue: 'another' })).toEqual({ kind: 'leaseLost' })
      expect(await connection.storedTerm()).toBe(0)
    })

    it('of an older app is refused once a newer one has written', async () => {
      const { connection, claim } = await claimed({ appVersion: 3 })
      await connection.createLog('L')
      const before = await claimed({ appVersion: 2 })
      expect(before.claim.term).toBeGreaterThan(claim.term) // nothing is written yet
      const newer = await claimed({ appVersion: 3 })
      await append(newer.connection, 0, 0)
      expect(await claimOn(await parts.log.openTerm(never), { appVersion: 2 })).toEqual({
        kind: 'tooOld',
        appVersion: 3,
      })
    })

    it('lies above the floor and above the last one', async () => {
      const floor = Date.now() + 1e9
      const first = await claimed({ floor })
      expect(first.claim.term).toBeGreaterThan(floor)
      const second = await claimed()
      expect(second.claim.term).toBeGreaterThan(first.claim.term)
      expect(second.claim.nonce).not.toBe(first.claim.nonce)
    })

    it('counts changes of leader, not claims', async () => {
      await claimed()
      await claimed()
      expect((await page()).leaderChanges).toBe(1)
      await claimed({ leader: { id: 'b', url: undefined, publicUrl: 'https://b' } })
      expect(await page()).toMatchObject({
        leaderChanges: 2,
        leader: { id: 'b', url: undefined, publicUrl: 'https://b' },
      })
    })

    it('notices that the server is in another life than at the last write', async () => {
      const { claim } = await leading(1)
      await server.restart()
      parts = await open.of(server, 'again')
      leaseValue = (await parts.leases.acquire())?.value ?? leaseValue
      const after = await claimed()
      expect(after.claim).toMatchObject({ logId: 'L', head: 1, headTerm: claim.term, replIdChanged: true })
      expect(after.claim.table.rows).toEqual([{ term: claim.term, nonce: claim.nonce, first: 1 }])
      expect(after.claim.replId).not.toBe(claim.replId)
      expect((await claimed()).claim.replIdChanged).toBe(true) // until something is written
      expect((await page()).replIdChanged).toBe(true)
      const last = await claimed()
      await append(last.connection, 1, claim.term)
      expect((await claimed()).claim.replIdChanged).toBe(false)
      expect((await page()).replIdChanged).toBe(false)
    })

    it('notices that, too, where nothing was written but the log itself', async () => {
      await leading()
      expect((await claimed()).claim.replIdChanged).toBe(false)
      await server.restart()
      parts = await open.of(server, 'again')
      leaseValue = (await parts.leases.acquire())?.value ?? leaseValue
      expect((await claimed()).claim.replIdChanged).toBe(true)
    })
  })

  describe('a log', () => {
    it('is created once, by who claimed last', async () => {
      const old = await claimed()
      const { connection } = await claimed()
      expect(await old.connection.createLog('L0')).toBeUndefined()
      expect(await connection.createLog('L')).toBe('L')
      const next = await claimed()
      expect(await next.connection.createLog('L2')).toBe('L')
    })

    it('takes entries at its end', async () => {
      const { connection, claim } = await leading()
      const first = await append(connection, 0, 0, 2)
      expect(first).toMatchObject({ kind: 'appended', first: 1 })
      const second = await append(connection, 2, claim.term)
      expect(second).toMatchObject({ kind: 'appended', first: 3 })
      const { entries, head, headTerm, table } = await page()
      expect({ head, headTerm }).toEqual({ head: 3, headTerm: claim.term })
      expect(entries.map(({ index, opId }) => [index, opId])).toEqual([
        [1, 'e1'],
        [2, 'e2'],
        [3, 'e3'],
      ])
      expect(entries[0]).toMatchObject({ term: claim.term, version: 1, command: 'add', args: { name: 'e1' } })
      const times = entries.map(({ timeMs }) => timeMs)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      expect(table?.rows).toEqual([{ term: claim.term, nonce: claim.nonce, first: 1 }])
    })

    it('takes none where the leader believes it ends elsewhere', async () => {
      const { connection, claim } = await leading(2)
      expect(await append(connection, 1, claim.term)).toEqual({
        kind: 'fenced',
        why: 'the log ends at 2, not at 1',
      })
      expect(await append(connection, 2, claim.term - 1)).toMatchObject({ kind: 'fenced' })
      expect((await page()).head).toBe(2)
    })

    it('takes none from whoever is not the last to have claimed, nor after it is gone', async () => {
      const old = await leading(1)
      await claimed()
      expect(await append(old.connection, 1, old.claim.term)).toMatchObject({ kind: 'fenced' })
      await server.wipe()
      expect(await append(old.connection, 1, old.claim.term)).toEqual({
        kind: 'fenced',
        why: 'there is no log',
      })
    })

    it('has a row for each term that has written, and none for others', async () => {
      const first = await leading(2)
      await claimed()
      const third = await claimed()
      await append(third.connection, 2, first.claim.term)
      expect((await page()).table?.rows).toEqual([
        { term: first.claim.term, nonce: first.claim.nonce, first: 1 },
        { term: third.claim.term, nonce: third.claim.nonce, first: 3 },
      ])
    })

    it('is read in pages, and its table only by who does not know its present', async () => {
      await leading(5)
      const { logId, nonce, replId, seed, entries } = await page(1, 2)
      expect(entries.map(({ index }) => index)).toEqual([2, 3])
      expect((await parts.log.read(5, 10, { logId, nonce, replId, seed })).table).toBeUndefined()
      expect((await parts.log.read(5, 10, { logId, nonce, replId: 'other', seed })).table?.rows).toHaveLength(
        1,
      )
      expect((await parts.log.read(9, 10, undefined)).entries).toEqual([])
    })

    it('cuts a page where it gets large', async () => {
      const { connection } = await leading()
      const large = JSON.stringify({ o: 'x', f: '', v: 1, c: 'add', a: 'y'.repeat(600_000) })
      await connection.append({ head: 0, headTerm: 0, entries: [large, large, large] })
      expect((await page()).entries).toHaveLength(2)
    })

    it('ends with its connection: a broken one knows that', async () => {
      const { connection, claim } = await leading(1)
      expect(connection.closed.aborted).toBe(false)
      const closed = new Promise((resolve) => connection.closed.addEventListener('abort', resolve))
      await server.restart()
      await closed
      await expect(append(connection, 1, claim.term)).rejects.toBeInstanceOf(Error)
    })
  })

  describe('snapshots', () => {
    it('are read as they were written, and not before they are whole', async () => {
      await parts.snapshots.writeChunk('s', 0, Buffer.from([0, 255, 10]))
      expect(await parts.snapshots.readHead('s')).toBeUndefined()
      expect(await parts.snapshots.readChunk('s', 0)).toEqual(Buffer.from([0, 255, 10]))
      expect(await parts.snapshots.readChunk('s', 1)).toBeUndefined()
      const head = await store({ id: 's', index: 1, term: 2, terms: [] })
      expect(await parts.snapshots.readHead('s')).toEqual(head)
    })

    it('are switched in where they are on the log, and newer than the present one', async () => {
      const { connection, claim } = await leading(5)
      const { term, nonce } = claim
      const none = { before: undefined }
      const offer = (id: string, index: number) => ({ id, index, term, nonce })
      expect(await connection.installSnapshot(offer('s3', 3), none)).toBe(false) // it is not there
      for (const index of [3, 4, 5, 6]) await store({ id: `s${index}`, index, term, terms: [] })
      expect(await connection.installSnapshot(offer('s6', 6), none)).toBe(false)
      expect(await connection.installSnapshot({ ...offer('s3', 3), nonce: 'x' }, none)).toBe(false)
      expect(await connection.installSnapshot({ ...offer('s3', 3), term: term - 1 }, none)).toBe(false)
      expect(await connection.installSnapshot(offer('s3', 3), none)).toBe(true)
      expect(await connection.installSnapshot(offer('s3', 3), none)).toBe(false)
      expect(await connection.installSnapshot(offer('s4', 4), none)).toBe(true)
      expect(await connection.installSnapshot(offer('s5', 5), none)).toBe(false) // it would push out s3
      expect(await page()).toMatchObject({
        snapshot: { id: 's4', index: 4 },
        snapshotBefore: { id: 's3', index: 3 },
      })
      expect(await connection.installSnapshot(offer('s5', 5), { before: { id: 's3', index: 3 } })).toBe(true)
      await append(connection, 5, term)
      await store({ id: 's6', index: 6, term, terms: [] })
      await claimed()
      expect(await connection.installSnapshot(offer('s6', 6), { before: { id: 's4', index: 4 } })).toBe(false)
    })

    it('let the log be trimmed up to the one before the last', async () => {
      const { connection, claim } = await leading(5)
      const { term, nonce } = claim
      expect(await connection.trim(2)).toBe(false)
      for (const [index, before] of [
        [2, undefined],
        [4, undefined],
      ] as const) {
        await store({ id: `s${index}`, index, term, terms: [] })
        await connection.installSnapshot({ id: `s${index}`, index, term, nonce }, { before })
      }
      expect(await connection.trim(4)).toBe(false)
      expect(await connection.trim(3)).toBe(true)
      const { first, entries } = await page()
      expect({ first, left: entries.map(({ index }) => index) }).toEqual({ first: 3, left: [3, 4, 5] })
      await claimed()
      expect(await connection.trim(2)).toBe(false)
    })
  })

  describe('a log that has lost entries', () => {
    const present = { snapshot: undefined, snapshotBefore: undefined }

    it('ends at the snapshot that its leader puts there', async () => {
      const { connection, claim } = await leading(2)
      const terms = [
        { term: claim.term, nonce: claim.nonce, first: 1 },
        { term: claim.term + 5, nonce: 'n', first: 4 },
      ]
      const head = await store({ id: 's9', index: 9, term: claim.term + 5, terms })
      const after = await connection.reSeed(head, present)
      expect(after).toMatchObject({ logId: 'L', term: claim.term, head: 9, headTerm: claim.term + 5 })
      expect(after?.nonce).not.toBe(claim.nonce)
      expect(claim.seed).toBe('')
      expect(after?.seed).toBe(after?.nonce)
      expect((await page()).seed).toBe(after?.nonce)
      const { nonce, first, entries, snapshot, table } = await page()
      expect({ nonce, first, entries, snapshot }).toEqual({
        ...{ nonce: after?.nonce, first: 10, entries: [] },
        snapshot: { id: 's9', index: 9 },
      })
      expect(table?.rows).toEqual(terms)
      expect(await append(connection, 9, claim.term + 5)).toMatchObject({ kind: 'appended', first: 10 })
      expect((await claimed()).claim.seed).toBe(after?.nonce)
    })

    it('is created anew where there is none', async () => {
      const { connection } = await claimed()
      const head = await store({ id: 's9', index: 9, term: 7, terms: [{ term: 7, nonce: 'n', first: 1 }] })
      expect(await connection.reSeed(head, present)).toMatchObject({ logId: 'L', head: 9 })
    })

    it.each<[string, (head: SnapshotHead) => SnapshotHead]>([
      ['does not reach further', (head) => ({ ...head, index: 2 })],
      ['is of another log', (head) => ({ ...head, logId: 'M' })],
      ['is not whole', (head) => ({ ...head, chunks: 2 })],
      ['is not there', (head) => ({ ...head, id: 'x' })],
    ])('is left alone if the snapshot %s', async (_why, spoil) => {
      const { connection, claim } = await leading(2)
      const terms = [{ term: claim.term, nonce: claim.nonce, first: 1 }]
      const head = await store({ id: 's9', index: 9, term: claim.term, terms })
      expect(await connection.reSeed(spoil(head), present)).toBeUndefined()
      expect((await page()).head).toBe(2)
    })

    it('is left alone by whoever does not lead, or does not know its snapshots', async () => {
      const { connection, claim } = await leading(2)
      const terms = [{ term: claim.term, nonce: claim.nonce, first: 1 }]
      const head = await store({ id: 's9', index: 9, term: claim.term, terms })
      const other = { id: 'other', index: 1 }
      expect(await connection.reSeed(head, { ...present, snapshot: other })).toBeUndefined()
      expect(await connection.reSeed(head, { ...present, snapshotBefore: other })).toBeUndefined()
      await claimed()
      expect(await connection.reSeed(head, present)).toBeUndefined()
    })
  })

  describe('who is in the group', () => {
    it('is agreed: the application, its version, the secrets', async () => {
      const { log } = parts
      const secrets = await log.join('app', 1, undefined)
      expect(secrets).toMatchObject({ previous: '', next: '' })
      expect(await log.join('app', 1, undefined)).toEqual(secrets)
      await expect(log.join('other', 1, undefined)).rejects.toMatchObject({ code: 'APP_MISMATCH' })
      const { connection } = await claimed({ appVersion: 4 })
      await connection.createLog('L')
      await append(connection, 0, 0)
      await expect(log.join('app', 3, undefined)).rejects.toMatchObject({ code: 'VERSION_TOO_OLD' })
      expect(await log.join('app', 3, secrets)).toEqual(secrets)
      expect((await page()).secretVersion).toBe(secrets.version)
    })

    it('goes through three steps to other secrets, and brings back what Redis has lost', async () => {
      const { log } = parts
      const first = await log.join('app', 1, undefined)
      const second = await log.rotateSecret(first.version)
      expect(second).toMatchObject({ secret: first.secret, previous: '' })
      expect(second?.next).not.toBe('')
      expect(await log.rotateSecret(first.version)).toBeUndefined()
      const third = await log.rotateSecret(second?.version ?? '')
      expect(third).toMatchObject({ secret: second?.next, previous: first.secret, next: '' })
      const last = await log.rotateSecret(third?.version ?? '')
      expect(last).toMatchObject({ secret: second?.next, previous: '', next: '' })
      expect(await log.join('app', 1, first)).toEqual(last) // older ones are not believed
      await server.wipe()
      const { version, ...kept } = await log.join('app', 1, last)
      expect(kept).toEqual({ secret: last?.secret, previous: '', next: '' })
      expect(version).not.toBe(last?.version)
    })
  })

  it('remembers changes of leader, newest first, by who claimed last', async () => {
    const { claim } = await claimed()
    await parts.log.recordChange('other', { term: 1, leader: 'x', reason: undefined, recoverMs: undefined })
    for (let term = 1; term <= 101; term++)
      await parts.log.recordChange(claim.nonce, { term, leader: 'a', reason: 'deposed', recoverMs: 3 })
    const changes = await parts.log.changes()
    expect(changes).toHaveLength(100)
    expect(changes[0]).toMatchObject({ term: 101, leader: 'a', reason: 'deposed', recoverMs: 3 })
    expect(changes.at(-1)).toMatchObject({ term: 2 })
  })
})
