import type { Redis } from 'ioredis'
import { randomBytes, randomInt } from 'node:crypto'
import {
  type AppendOutcome,
  type AppendRequest,
  type Claim,
  claimAfterReSeed,
  type ClaimOutcome,
  type ClaimRequest,
  mismatch,
  type OfferedSnapshot,
  type PresentSnapshots,
  type SnapshotRef,
  type TermConnection,
} from '../log/log-store.js'
import { joinEntries } from '../log/appended.js'
import { type SnapshotHead, UNNEEDED_TTL_S } from '../log/snapshot.js'
import { callScript } from './call-script.js'
import { SharedCall } from '../shared-call.js'
import { Turns } from '../turns.js'
import type { Keys } from './keys.js'
import { readTable } from './replies.js'

/** Errors of a server that does not have the log, or not alone, so that the leader must find the one that does. */
const MOVED = /^(READONLY|MOVED|ASK|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)/
/** Errors of one that does not let this instance write, whatever it is. */
const LASTING = /^(NOAUTH|NOPERM|WRONGPASS)/

/** An append costs Redis about 50 µs beside 5 µs for each of its entries (measured): with so many, an eighth. */
const WORTH_AN_APPEND = 64

/** A term's connection: the client that `termOptions` made, which never reconnects, and what was claimed on it. */
export class RedisTermConnection implements TermConnection {
  readonly worthAnAppend = WORTH_AN_APPEND
  readonly #client: Redis
  readonly #keys: Keys
  readonly #leaseOnLog: boolean
  readonly #closed = new AbortController()
  /** Shorter than a command may take, or the connection would be given up for a replica that is late. */
  readonly #waitMs: number
  /** Redis runs one wait after the other: several on the way would hold an append up for longer than it may take. */
  readonly #waitTurns = new Turns()
  readonly #waits = new Map<number, SharedCall<number>>()
  readonly #sync: SharedCall<boolean>
  #claim: Claim | undefined
  /** Of all entries that are appended here. */
  #appVersion = 0

  constructor(client: Redis, keys: Keys, leaseOnLog: boolean, commandTimeoutMs: number) {
    this.#client = client
    this.#keys = keys
    this.#leaseOnLog = leaseOnLog
    this.#waitMs = Math.max(1, Math.floor(commandTimeoutMs / 2))
    this.#sync = new SharedCall(async () => {
      const [synced] = (await client.call('WAITAOF', 1, 0, this.#waitMs)) as [number, number]
      return synced === 1
    }, this.#waitTurns)
    client.once('close', () => this.#closed.abort())
  }

  get closed(): AbortSignal {
    return this.#closed.signal
  }

  async storedTerm(): Promise<number> {
    return Number((await this.#client.hget(this.#keys.meta, 'term')) ?? 0)
  }

  async claim(request: ClaimRequest): Promise<ClaimOutcome> {
    const { meta, terms, lease } = this.#keys
    const nonce = randomBytes(16).toString('hex')
    const { leader } = request
    const reply = (await callScript(
      this.#client,
      'claim',
      [meta, terms, lease],
      [
        request.expectedTerm,
        request.floor,
        nonce,
        leader.id,
        leader.url ?? '',
        leader.publicUrl ?? '',
        request.leaseValue,
        this.#leaseOnLog ? '1' : '0',
        randomInt(1, 1001),
        request.appVersion,
        request.reason ?? '',
      ],
    )) as [string, string, string, string, string, string, string, string[], string]
    if (reply[0] === 'OUTRUN') return { kind: 'outrun', term: Number(reply[1]) }
    if (reply[0] === 'LEASE') return { kind: 'leaseLost' }
    if (reply[0] === 'VERSION') return { kind: 'tooOld', appVersion: Number(reply[1]) }
    const [, term, logId, head, headTerm, replId, replIdChanged, table, seed] = reply
    this.#appVersion = request.appVersion
    this.#claim = {
      term: Number(term),
      nonce,
      logId,
      head: Number(head),
      headTerm: Number(headTerm),
      replId,
      replIdChanged: replIdChanged === '1',
      table: readTable(table),
      seed,
    }
    return { kind: 'claimed', claim: this.#claim }
  }

  async createLog(logId: string): Promise<string | undefined> {
    const claim = this.#claimed()
    const reply = await callScript(
      this.#client,
      'createLog',
      [this.#keys.meta],
      [logId, claim.term, claim.nonce, claim.replId],
    )
    if (typeof reply !== 'string') return undefined
    this.#claim = { ...claim, logId: reply }
    return reply
  }

  async reSeed(snapshot: SnapshotHead, present: PresentSnapshots): Promise<Claim | undefined> {
    const claim = this.#claimed()
    const { id, logId, index, term, timeMs, terms, version, chunks } = snapshot
    const { meta, log, terms: table } = this.#keys
    const keyOf = (ref: SnapshotRef | undefined) => (ref ? this.#keys.snapshot(ref.id) : meta)
    const nonce = randomBytes(16).toString('hex')
    const reply = await callScript(
      this.#client,
      'reSeedLog',
      [meta, log, table, this.#keys.snapshot(id), keyOf(present.snapshot), keyOf(present.snapshotBefore)],
      [
        ...[logId, claim.term, claim.nonce, claim.replId, nonce],
        ...[id, index, term, timeMs, version, chunks + 1],
        ...[present.snapshot?.id ?? '', present.snapshotBefore?.id ?? '', UNNEEDED_TTL_S],
        ...terms.flatMap((row) => [row.term, `${row.first}:${row.nonce}`]),
      ],
    )
    if (reply !== 1) return undefined
    this.#claim = claimAfterReSeed(claim, snapshot, nonce)
    return this.#claim
  }

  async append({ head, headTerm, entries }: AppendRequest): Promise<AppendOutcome> {
    const { logId, term, nonce, replId } = this.#claimed()
    const { meta, log, terms, appended } = this.#keys
    let reply: [string, string, string]
    try {
      reply = (await callScript(
        this.#client,
        'append',
        [meta, log, terms],
        [logId, term, nonce, replId, head, headTerm, this.#appVersion, appended, joinEntries(entries)],
      )) as [string, string, string]
    } catch (error) {
      // A reply that is an error is a reply: the script checks everything before its first write, so nothing was written.
      if (error instanceof Error && error.name === 'ReplyError') {
        if (MOVED.test(error.message)) return { kind: 'moved' }
        return { kind: 'refused', error, lasting: LASTING.test(error.message) }
      }
      this.close()
      throw error
    }
    if (reply[0] === 'APPENDED')
      return { kind: 'appended', first: Number(reply[1]), timeMs: Number(reply[2]) }
    if (reply[0] === 'MISMATCH') return { kind: 'mismatch', why: mismatch(Number(reply[1]), head) }
    return { kind: 'fenced', why: reply[1] }
  }

  async installSnapshot(
    { id, index, term, nonce }: OfferedSnapshot,
    { before }: { before: SnapshotRef | undefined },
  ): Promise<boolean> {
    const claim = this.#claimed()
    const keys = this.#keys
    const reply = await callScript(
      this.#client,
      'installSnapshot',
      [keys.meta, keys.terms, keys.snapshot(id), before ? keys.snapshot(before.id) : keys.meta],
      [
        claim.logId,
        claim.term,
        claim.nonce,
        claim.replId,
        id,
        index,
        term,
        nonce,
        before?.id ?? '',
        UNNEEDED_TTL_S,
      ],
    )
    return reply === 1
  }

  async trim(first: number): Promise<boolean> {
    const { logId, term, nonce } = this.#claimed()
    const reply = await callScript(
      this.#client,
      'trimLog',
      [this.#keys.meta, this.#keys.log],
      [logId, term, nonce, first],
    )
    return reply === 1
  }

  replicated(replicas: number): Promise<number> {
    let shared = this.#waits.get(replicas)
    if (!shared) {
      shared = new SharedCall(() => this.#client.wait(replicas, this.#waitMs), this.#waitTurns)
      this.#waits.set(replicas, shared)
    }
    return shared.ask()
  }

  synced(): Promise<boolean> {
    return this.#sync.ask()
  }

  close(): void {
    this.#client.disconnect()
    this.#closed.abort()
  }

  #claimed(): Claim {
    if (!this.#claim) throw new Error('Nothing was claimed on this connection')
    return this.#claim
  }
}
