import type { Redis } from 'ioredis'
import { randomBytes } from 'node:crypto'
import { LeaseholdError, versionTooOld } from '../errors.js'
import type { LeaderInfo } from '../events.js'
import type { Joined, LogPage, LogStamp, LogStore, SnapshotRef, TermConnection } from '../log/log-store.js'
import type { ResolvedOptions } from '../options.js'
import { callScript } from './call-script.js'
import { connect, createClient, disconnect, termOptions } from './connections.js'
import type { Keys } from './keys.js'
import { RedisTermConnection } from './redis-term-connection.js'
import { readEntries, readTable } from './replies.js'
import { checkServer } from './server-checks.js'

/** Version of what stands in Redis. An instance refuses a format that it does not know. */
const FORMAT_VERSION = '1'
/** Bytes of entries read at once. */
const PAGE_BYTES = 1024 * 1024

type ReadReply = [
  logId: string,
  nonce: string,
  replId: string,
  term: string,
  head: string,
  headTerm: string,
  leader: string,
  url: string,
  publicUrl: string,
  leaderChanges: string,
  first: string,
  snapshot: [id: string, index: string],
  snapshotBefore: [id: string, index: string],
  entries: string[],
  table: string[] | null,
]

/** The log as a Redis stream with explicit ids, and the hash that says who may append to it. */
export class RedisLogStore implements LogStore {
  readonly #options: ResolvedOptions
  readonly #client: Redis
  readonly #keys: Keys
  readonly #warn: (code: string, message: string) => void

  /** `client` serves reads and is closed by its owner. */
  constructor(parts: {
    options: ResolvedOptions
    client: Redis
    keys: Keys
    warn: (code: string, message: string) => void
  }) {
    this.#options = parts.options
    this.#client = parts.client
    this.#keys = parts.keys
    this.#warn = parts.warn
  }

  async open(signal: AbortSignal): Promise<void> {
    await connect(this.#client, signal)
    for (const warning of await checkServer(this.#client)) this.#warn(warning.code, warning.message)
  }

  async join(application: string, version: number): Promise<Joined> {
    const proposed = randomBytes(32).toString('base64url')
    const reply = (await callScript(
      this.#client,
      'join',
      [this.#keys.meta],
      [application, FORMAT_VERSION, proposed, version],
    )) as [string, string, string]
    if (reply[0] === 'APP') {
      throw new LeaseholdError(
        'APP_MISMATCH',
        `Group "${this.#options.group}" belongs to ${describeApplication(reply[1])}, this is ${application === '' ? 'an instance that only elects' : `"${application}"`}. Use another group.`,
      )
    }
    if (reply[0] === 'FORMAT') {
      throw new LeaseholdError(
        'APP_MISMATCH',
        `Group "${this.#options.group}" is stored in format ${reply[1]}, this version of the library knows format ${FORMAT_VERSION}. Upgrade it.`,
      )
    }
    if (reply[0] === 'VERSION') {
      throw versionTooOld(
        `The log of group "${this.#options.group}" holds entries that version ${reply[1]} of the app wrote, this is version ${version}`,
      )
    }
    return { secret: reply[1], previousSecret: reply[2] || undefined }
  }

  async read(after: number, limit: number, known: LogStamp | undefined): Promise<LogPage> {
    const { meta, log, terms } = this.#keys
    const reply = (await callScript(
      this.#client,
      'read',
      [meta, log, terms],
      [after, limit, PAGE_BYTES, known?.logId ?? '', known?.nonce ?? '', known?.replId ?? ''],
    )) as ReadReply
    const [
      logId,
      nonce,
      replId,
      term,
      head,
      headTerm,
      leader,
      url,
      publicUrl,
      leaderChanges,
      first,
      snapshot,
      snapshotBefore,
      entries,
      table,
    ] = reply
    // An empty log is "known" to a reader that knows nothing, yet it must get its (empty) table.
    const isKnown = table === null && known !== undefined
    return {
      logId,
      nonce,
      replId,
      term: Number(term),
      head: Number(head),
      headTerm: Number(headTerm),
      leader: leaderOf(leader, Number(term), url, publicUrl),
      leaderChanges: Number(leaderChanges),
      first: Number(first),
      snapshot: refOf(snapshot),
      snapshotBefore: refOf(snapshotBefore),
      entries: readEntries(entries),
      table: isKnown ? undefined : readTable(table ?? []),
    }
  }

  async serverAgeMs(): Promise<number> {
    const info = await this.#client.info('server').catch(() => '') // forbidden: then it cannot be told
    return Number(/^uptime_in_seconds:(\d+)/m.exec(info)?.[1] ?? Number.POSITIVE_INFINITY) * 1000
  }

  async openTerm(signal: AbortSignal): Promise<TermConnection> {
    const { redis, commandTimeoutMs, name, group, leaseOnLog } = this.#options
    const client = createClient(redis, termOptions(commandTimeoutMs), `leasehold:${group}:${name}:term`)
    try {
      await connect(client, signal)
    } catch (error) {
      disconnect(client)
      throw error
    }
    return new RedisTermConnection(client, this.#keys, leaseOnLog)
  }

  async close(): Promise<void> {
    disconnect(this.#client)
  }
}

function leaderOf(id: string, term: number, url: string, publicUrl: string): LeaderInfo | undefined {
  return id === '' ? undefined : { id, term, url: url || undefined, publicUrl: publicUrl || undefined }
}

function refOf([id, index]: [id: string, index: string]): SnapshotRef | undefined {
  return id === '' ? undefined : { id, index: Number(index) }
}

function describeApplication(name: string): string {
  return name === '' ? 'instances that only elect' : `the application "${name}"`
}
