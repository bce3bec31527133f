import {
  type AppendOutcome,
  type AppendRequest,
  type Claim,
  claimAfterReSeed,
  mismatch,
  type ClaimOutcome,
  type ClaimRequest,
  type OfferedSnapshot,
  type PresentSnapshots,
  type SnapshotRef,
  type TermConnection,
} from '../log/log-store.js'
import { encodeAppended } from '../log/appended.js'
import { TermTable } from '../log/history.js'
import { type SnapshotHead, UNNEEDED_TTL_S } from '../log/snapshot.js'
import { callWithin } from './memory-client.js'
import type { MemoryRedis } from './memory-redis.js'
import { isComplete } from './memory-snapshot-store.js'
import type { Connection, Wire } from './wire.js'

/** The channel on which a batch is told of. */
export const APPENDED = 'appended'
/** The random step of a claim whose server's clock is behind, at most. */
const MAX_STEP = 1000

/** A term's connection in memory: does what the scripts claim, append, create-log, re-seed-log, install-snapshot and trim-log do. */
export class MemoryTermConnection implements TermConnection {
  /** Few, so that in a simulation appends follow each other as they do under load. */
  readonly worthAnAppend = 1
  readonly #wire: Wire
  readonly #connection: Connection
  readonly #timeoutMs: number
  #claim: Claim | undefined
  #appVersion = 0

  constructor(wire: Wire, connection: Connection, timeoutMs: number) {
    this.#wire = wire
    this.#connection = connection
    this.#timeoutMs = timeoutMs
  }

  get closed(): AbortSignal {
    return this.#connection.closed
  }

  storedTerm(): Promise<number> {
    return this.#call('storedTerm', ({ data }) => data.meta.term ?? 0)
  }

  async claim(request: ClaimRequest): Promise<ClaimOutcome> {
    const { leader, appVersion } = request
    const outcome = await this.#call('claim', (redis): ClaimOutcome => {
      const { meta, terms, lease } = redis.data
      const stored = meta.term ?? 0
      if (stored !== request.expectedTerm) return { kind: 'outrun', term: stored }
      const isHeld = lease?.value === request.leaseValue && lease.expiresMs > redis.timeMs
      if (!isHeld) return { kind: 'leaseLost' }
      if ((meta.appVersion ?? 0) > appVersion) return { kind: 'tooOld', appVersion: meta.appVersion ?? 0 }
      const least = Math.max(stored, request.floor)
      const step = 1 + Math.floor(this.#wire.world.random() * MAX_STEP)
      const term = redis.timeMs > least ? redis.timeMs : least + step
      const nonce = redis.unique()
      if (meta.leader !== leader.id) meta.leaderChanges = (meta.leaderChanges ?? 0) + 1
      const { id, url, publicUrl } = leader
      const { leaseValue, reason } = request
      Object.assign(meta, { term, nonce, leader: id, url, publicUrl, lease: leaseValue, reason })
      const claim: Claim = {
        term,
        nonce,
        logId: meta.logId ?? '',
        head: meta.head ?? 0,
        headTerm: meta.headTerm ?? 0,
        replId: redis.replId,
        replIdChanged: meta.replId !== undefined && meta.replId !== redis.replId,
        table: new TermTable(terms),
        seed: meta.seed ?? '',
      }
      return { kind: 'claimed', claim }
    })
    if (outcome.kind !== 'claimed') return outcome
    this.#appVersion = appVersion
    this.#claim = outcome.claim
    return outcome
  }

  async createLog(logId: string): Promise<string | undefined> {
    const claim = this.#claimed()
    const created = await this.#call('createLog', ({ data: { meta }, replId }) => {
      if (meta.term !== claim.term || meta.nonce !== claim.nonce || replId !== claim.replId) return undefined
      if (!meta.logId) Object.assign(meta, { logId, head: 0, headTerm: 0, timeMs: 0, first: 1, replId })
      return meta.logId
    })
    if (created !== undefined) this.#claim = { ...claim, logId: created }
    return created
  }

  async reSeed(snapshot: SnapshotHead, present: PresentSnapshots): Promise<Claim | undefined> {
    const claim = this.#claimed()
    const { id, logId, index, term, timeMs, terms, version } = snapshot
    const nonce = await this.#call('reSeed', (redis) => {
      const { data } = redis
      const { meta } = data
      if (meta.term !== claim.term || meta.nonce !== claim.nonce || redis.replId !== claim.replId)
        return undefined
      if (meta.logId && meta.logId !== logId) return undefined
      if ((meta.head ?? 0) >= index) return undefined
      if (meta.snapshot?.id !== present.snapshot?.id) return undefined
      if (meta.snapshotBefore?.id !== present.snapshotBefore?.id) return undefined
      if (!isComplete(redis, snapshot)) return undefined
      letGo(redis, meta.snapshot)
      letGo(redis, meta.snapshotBefore)
      keep(redis, id)
      const newNonce = redis.unique()
      Object.assign(meta, {
        logId,
        nonce: newNonce,
        seed: newNonce,
        head: index,
        headTerm: term,
        timeMs: Math.max(meta.timeMs ?? 0, timeMs),
        first: index + 1,
        snapshot: { id, index },
        snapshotBefore: undefined,
        replId: redis.replId,
        appVersion: Math.max(meta.appVersion ?? 0, version),
      })
      data.entries = []
      data.terms = [...terms]
      return newNonce
    })
    if (nonce === undefined) return undefined
    this.#claim = claimAfterReSeed(claim, snapshot, nonce)
    return this.#claim
  }

  async installSnapshot(
    { id, index, term, nonce }: OfferedSnapshot,
    { before }: { before: SnapshotRef | undefined },
  ): Promise<boolean> {
    const claim = this.#claimed()
    return this.#call('installSnapshot', (redis) => {
      const { meta, terms, snapshots } = redis.data
      if (whyFenced(redis, claim) !== undefined) return false
      if (index > (meta.head ?? 0) || index <= (meta.snapshot?.index ?? 0)) return false
      if (!snapshots.get(id)?.fields.has('head')) return false
      if (meta.snapshotBefore?.id !== before?.id) return false
      const owner = new TermTable(terms).ownerOf(index)
      if (owner?.term !== term || owner.nonce !== nonce) return false
      keep(redis, id)
      letGo(redis, before)
      meta.snapshotBefore = meta.snapshot
      meta.snapshot = { id, index }
      return true
    })
  }

  async trim(first: number): Promise<boolean> {
    const { logId, term, nonce } = this.#claimed()
    return this.#call('trim', ({ data }) => {
      const { meta } = data
      if (meta.logId !== logId || meta.term !== term || meta.nonce !== nonce) return false
      if (first > (meta.snapshotBefore?.index ?? 0) + 1) return false
      data.entries = data.entries.filter(({ index }) => index >= first)
      meta.first = first
      return true
    })
  }

  async append({ head, headTerm, entries }: AppendRequest): Promise<AppendOutcome> {
    const claim = this.#claimed()
    try {
      return await this.#call('append', (redis): AppendOutcome => {
        const { data } = redis
        const { meta } = data
        const why = whyFenced(redis, claim)
        if (why !== undefined) return { kind: 'fenced', why }
        if (meta.head !== head || meta.headTerm !== headTerm)
          return { kind: 'mismatch', why: mismatch(meta.head ?? 0, head) }
        const timeMs = Math.max(redis.timeMs, meta.timeMs ?? 0)
        const { term, nonce, replId } = claim
        for (const [i, entry] of entries.entries())
          data.entries.push({ index: head + 1 + i, term, timeMs, data: entry })
        if (headTerm !== term) data.terms.push({ term, nonce, first: head + 1 })
        const appVersion = Math.max(meta.appVersion ?? 0, this.#appVersion)
        Object.assign(meta, { head: head + entries.length, headTerm: term, timeMs, replId, appVersion })
        const { logId } = claim
        redis.publish(
          APPENDED,
          encodeAppended({ logId, nonce, replId, term, first: head + 1, timeMs, entries }),
        )
        return { kind: 'appended', first: head + 1, timeMs }
      })
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** There are no replicas of a Redis in memory. */
  async replicated(): Promise<number> {
    return this.#call('replicated', () => 0)
  }

  /** Nothing in memory is on a disk. */
  async synced(): Promise<boolean> {
    return this.#call('synced', () => false)
  }

  close(): void {
    this.#connection.close()
  }

  #call<T>(name: string, run: (redis: MemoryRedis) => T): Promise<T> {
    return callWithin(this.#wire, this.#connection, this.#timeoutMs, name, run)
  }

  #claimed(): Claim {
    if (!this.#claim) throw new Error('Nothing was claimed on this connection')
    return this.#claim
  }
}

/** Why a leader with this claim may not append any more (G2); undefined if it may. */
function whyFenced({ data: { meta }, replId }: MemoryRedis, claim: Claim): string | undefined {
  if (!meta.logId) return 'there is no log'
  if (meta.logId !== claim.logId) return 'another log'
  if (meta.term !== claim.term) return `term ${meta.term ?? 'none'}`
  if (meta.nonce !== claim.nonce) return 'another claim'
  return replId === claim.replId ? undefined : 'another replication id'
}

function keep({ data }: MemoryRedis, id: string): void {
  const snapshot = data.snapshots.get(id)
  if (snapshot) snapshot.expiresMs = Number.POSITIVE_INFINITY
}

function letGo({ data, timeMs }: MemoryRedis, ref: SnapshotRef | undefined): void {
  const snapshot = ref && data.snapshots.get(ref.id)
  if (snapshot) snapshot.expiresMs = timeMs + UNNEEDED_TTL_S * 1000
}
