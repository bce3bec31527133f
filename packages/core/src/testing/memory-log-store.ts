import { LeaseholdError, versionTooOld } from '../errors.js'
import type { LeaderChange, LeaderInfo } from '../events.js'
import { decodeAppended } from '../log/appended.js'
import { decodeEntry } from '../log/entry.js'
import { TermTable } from '../log/history.js'
import {
  CHANGES_KEPT,
  type Claim,
  type LogPage,
  type LogStamp,
  type LogStore,
  PAGE_BYTES,
  type Secrets,
  sameStamp,
  type TailListener,
  type TermConnection,
} from '../log/log-store.js'
import type { ResolvedOptions } from '../options.js'
import { MemoryClient } from './memory-client.js'
import type { Meta, StoredEntry } from './memory-redis.js'
import { APPENDED, MemoryTermConnection } from './memory-term-connection.js'
import type { Wire } from './wire.js'

/** The log in a Redis in memory: does what the scripts join, rotate-secret, read, set-leader-url and record-change do. */
export class MemoryLogStore implements LogStore {
  readonly canSync = false
  readonly #options: ResolvedOptions
  readonly #wire: Wire
  readonly #client: MemoryClient
  readonly #tail: MemoryClient

  /** `client` serves reads and is closed with this store. */
  constructor(options: ResolvedOptions, wire: Wire, client: MemoryClient) {
    this.#options = options
    this.#wire = wire
    this.#client = client
    this.#tail = new MemoryClient(wire, options.commandTimeoutMs)
  }

  async open(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#client.open(signal), this.#tail.open(signal)])
  }

  async join(application: string, version: number, knows: Secrets | undefined): Promise<Secrets> {
    return this.#client.call('join', (redis) => {
      const { meta } = redis.data
      const { group } = this.#options
      if (meta.app !== undefined && meta.app !== application)
        throw new LeaseholdError(
          'APP_MISMATCH',
          `Group "${group}" belongs to "${meta.app}", not to "${application}".`,
        )
      if (!knows && (meta.appVersion ?? 0) > version)
        throw versionTooOld(`The log holds entries of version ${meta.appVersion}, this is version ${version}`)
      meta.app ??= application
      if (!holds(meta.secretVersion, knows?.version)) {
        const { secret = redis.unique(), previous = '', next = '' } = knows ?? {}
        const [changes = 0] = partsOf(knows?.version)
        const secretVersion = `${changes + 1}-${redis.timeMs}`
        Object.assign(meta, { secret, previousSecret: previous, nextSecret: next, secretVersion })
      }
      return secretsOf(meta)
    })
  }

  rotateSecret(version: string): Promise<Secrets | undefined> {
    return this.#client.call('rotateSecret', (redis) => {
      const { meta } = redis.data
      const [changes] = partsOf(meta.secretVersion)
      if (meta.secretVersion !== version || changes === undefined) return undefined
      if (meta.previousSecret) meta.previousSecret = ''
      else if (meta.nextSecret)
        Object.assign(meta, { secret: meta.nextSecret, previousSecret: meta.secret, nextSecret: '' })
      else meta.nextSecret = redis.unique()
      meta.secretVersion = `${changes + 1}-${redis.timeMs}`
      return secretsOf(meta)
    })
  }

  read(after: number, limit: number, known: LogStamp | undefined): Promise<LogPage> {
    return this.#client.call('read', ({ data, replId }): LogPage => {
      const { meta, terms, entries } = data
      const { logId = '', nonce = '', term = 0, leader } = meta
      return {
        logId,
        nonce,
        replId,
        term,
        leader: leader ? { id: leader, term, url: meta.url, publicUrl: meta.publicUrl } : undefined,
        leaseValue: meta.lease ?? '',
        reason: meta.reason,
        leaderChanges: meta.leaderChanges ?? 0,
        head: meta.head ?? 0,
        headTerm: meta.headTerm ?? 0,
        first: meta.first ?? 1,
        snapshot: meta.snapshot,
        snapshotBefore: meta.snapshotBefore,
        entries: pageOf(entries, after, limit).map(({ index, term, timeMs, data: text }) =>
          decodeEntry(index, term, timeMs, text),
        ),
        table: sameStamp({ logId, nonce, replId, seed: meta.seed ?? '' }, known)
          ? undefined
          : new TermTable(terms),
        secretVersion: meta.secretVersion ?? '',
        replIdChanged: meta.replId !== undefined && meta.replId !== replId,
        seed: meta.seed ?? '',
      }
    })
  }

  tail(listener: TailListener): () => void {
    let isOver = false
    const begin = () => {
      const subscribed = this.#tail.connection?.subscribe(APPENDED, (text) => {
        const batch = decodeAppended(text)
        if (batch && !isOver) listener.appended(batch)
      })
      subscribed?.then(
        () => isOver || listener.begun(),
        () => {},
      )
    }
    const cancel = this.#tail.onReady(begin)
    begin()
    return () => {
      isOver = true
      cancel()
      this.#tail.connection?.unsubscribe(APPENDED).catch(() => {})
    }
  }

  setLeaderUrl(
    { term, nonce }: Pick<Claim, 'term' | 'nonce'>,
    { url, publicUrl }: Pick<LeaderInfo, 'url' | 'publicUrl'>,
  ): Promise<boolean> {
    return this.#client.call('setLeaderUrl', ({ data: { meta } }) => {
      if (meta.term !== term || meta.nonce !== nonce) return false
      Object.assign(meta, { url, publicUrl })
      return true
    })
  }

  async recordChange(nonce: string, change: Omit<LeaderChange, 'atMs'>): Promise<void> {
    await this.#client.call('recordChange', ({ data, timeMs }) => {
      if (data.meta.nonce !== nonce) return
      data.changes = [{ ...change, atMs: timeMs }, ...data.changes].slice(0, CHANGES_KEPT)
    })
  }

  changes(): Promise<LeaderChange[]> {
    return this.#client.call('changes', ({ data }) => data.changes.toSorted((a, b) => b.term - a.term))
  }

  serverAgeMs(): Promise<number> {
    return this.#client.call('serverAge', ({ ageMs }) => ageMs)
  }

  async openTerm(signal: AbortSignal): Promise<TermConnection> {
    const connection = await this.#wire.connect()
    if (signal.aborted) connection.close()
    return new MemoryTermConnection(this.#wire, connection, this.#options.commandTimeoutMs)
  }

  async close(): Promise<void> {
    this.#client.close()
    this.#tail.close()
  }
}

/** Entries behind `after`, in order; at least one, and no more than fit into a page. */
function pageOf(entries: readonly StoredEntry[], after: number, limit: number): StoredEntry[] {
  const from = entries.findIndex(({ index }) => index > after)
  if (from === -1) return []
  let left = PAGE_BYTES
  const page: StoredEntry[] = []
  for (const entry of entries.slice(from, from + limit)) {
    page.push(entry)
    left -= Buffer.byteLength(entry.data)
    if (left <= 0) break
  }
  return page
}

/** Whether what is stored goes before what an instance knows. The script `join` has the reasons. */
function holds(stored: string | undefined, known: string | undefined): boolean {
  const [changes, timeMs = 0] = partsOf(stored)
  const [knownChanges, knownTimeMs = 0] = partsOf(known)
  if (changes === undefined || knownChanges === undefined) return changes !== undefined
  return changes > knownChanges || (changes === knownChanges && timeMs <= knownTimeMs)
}

/** How often the secrets have changed, and when they last did. */
function partsOf(version = ''): [changes?: number, timeMs?: number] {
  const [, changes, timeMs] = /^(\d+)-(\d+)$/.exec(version) ?? []
  return changes === undefined ? [] : [Number(changes), Number(timeMs)]
}

function secretsOf({ secret = '', previousSecret = '', nextSecret = '', secretVersion = '' }: Meta): Secrets {
  return { secret, previous: previousSecret, next: nextSecret, version: secretVersion }
}
