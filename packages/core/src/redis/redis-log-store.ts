import type { Redis } from 'ioredis'
import { randomBytes } from 'node:crypto'
import { LeaseholdError, versionTooOld } from '../errors.js'
import type { LeaderChange, LeaderInfo, Warn } from '../events.js'
import { decodeAppended } from '../log/appended.js'
import {
  CHANGES_KEPT,
  type Claim,
  type LogPage,
  type LogStamp,
  type LogStore,
  PAGE_BYTES,
  type Secrets,
  type SnapshotRef,
  type TailListener,
  type TermConnection,
} from '../log/log-store.js'
import type { ResolvedOptions } from '../options.js'
import { checkAccess, logNeeds } from './access.js'
import { callScript } from './call-script.js'
import { connect, createClient, subscriberOptions, termOptions } from './connections.js'
import type { Keys } from './keys.js'
import { RedisTermConnection } from './redis-term-connection.js'
import { changeReason, readChanges, readEntries, readTable } from './replies.js'
import { checkServer } from './server-checks.js'

/** Version of what stands in Redis. An instance refuses a higher one, which it does not know. */
export const FORMAT_VERSION = '1'

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
  entries: string,
  table: string[] | null,
  secretVersion: string,
  leaseValue: string,
  reason: string,
  replIdChanged: string,
  seed: string,
]

type SecretsReply = [secret: string, previous: string, next: string, version: string]

/** The log as a Redis stream with explicit ids, and the hash that says who may append to it. */
export class RedisLogStore implements LogStore {
  readonly #options: ResolvedOptions
  readonly #client: Redis
  readonly #keys: Keys
  readonly #replicates: boolean
  readonly #warn: Warn

  /** For what is appended, and nothing else: a buffer that it fills must not end another subscription. */
  readonly #tail: Redis | undefined
  #canSync = false

  /** `client` serves reads and is closed by its owner. */
  constructor(parts: {
    options: ResolvedOptions
    client: Redis
    keys: Keys
    /** Without a state machine there is no log: less is needed of Redis. */
    replicates: boolean
    warn: Warn
  }) {
    this.#options = parts.options
    this.#client = parts.client
    this.#keys = parts.keys
    this.#replicates = parts.replicates
    const { redis, group, name } = parts.options
    if (parts.replicates)
      this.#tail = createClient(redis, subscriberOptions(), `leasehold:${group}:${name}:tail`)
    this.#warn = parts.warn
  }

  async open(signal: AbortSignal): Promise<void> {
    const clients = [this.#client, ...(this.#tail ? [this.#tail] : [])]
    await Promise.all(clients.map((client) => connect(client, signal)))
    const { warnings, canSync } = await checkServer(this.#client)
    this.#canSync = canSync
    for (const { code, message } of warnings) this.#warn(code, message)
    await checkAccess(this.#client, logNeeds(this.#keys, this.#replicates))
  }

  async join(application: string, appVersion: number, knows: Secrets | undefined): Promise<Secrets> {
    const { secret = newSecret(), previous = '', next = '', version = '' } = knows ?? {}
    const [outcome, ...reply] = (await callScript(
      this.#client,
      'join',
      [this.#keys.meta],
      [application, FORMAT_VERSION, secret, previous, next, version, knows ? '' : appVersion],
    )) as [string, ...SecretsReply]
    if (outcome === 'APP') {
      throw new LeaseholdError(
        'APP_MISMATCH',
        `Group "${this.#options.group}" belongs to ${describeApplication(reply[0])}, this is ${application === '' ? 'an instance that only elects' : `"${application}"`}. Use another group.`,
      )
    }
    if (outcome === 'FORMAT') {
      throw new LeaseholdError(
        'VERSION_TOO_OLD',
        `Group "${this.#options.group}" is stored in format ${reply[0]}, this version of Leasehold knows formats up to ${FORMAT_VERSION}. Upgrade the packages of this instance. Nothing was changed.`,
      )
    }
    if (outcome === 'VERSION') {
      throw versionTooOld(
        `The log of group "${this.#options.group}" holds entries that version ${reply[0]} of the app wrote, this is version ${appVersion}`,
      )
    }
    return secretsOf(reply)
  }

  async rotateSecret(version: string): Promise<Secrets | undefined> {
    const reply = await callScript(this.#client, 'rotateSecret', [this.#keys.meta], [version, newSecret()])
    return reply === null ? undefined : secretsOf(reply as SecretsReply)
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
      secretVersion,
      leaseValue,
      reason,
      replIdChanged,
      seed,
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
      secretVersion,
      leaseValue,
      reason: changeReason(reason),
      replIdChanged: replIdChanged === '1',
      seed,
    }
  }

  tail(listener: TailListener): () => void {
    const tail = this.#tail
    if (!tail) return () => {}
    const { appended } = this.#keys
    const begin = () => {
      tail.ssubscribe(appended).then(
        () => listener.begun(),
        () => {}, // it is lost again, and subscribes when it is back
      )
    }
    const tell = (channel: string, text: string) => {
      const batch = channel === appended ? decodeAppended(text) : undefined
      if (batch) listener.appended(batch)
    }
    tail.on('ready', begin).on('smessage', tell)
    if (tail.status === 'ready') begin()
    return () => {
      tail.off('ready', begin).off('smessage', tell)
      tail.sunsubscribe(appended).catch(() => {})
    }
  }

  async setLeaderUrl(
    { term, nonce }: Pick<Claim, 'term' | 'nonce'>,
    { url = '', publicUrl = '' }: Pick<LeaderInfo, 'url' | 'publicUrl'>,
  ): Promise<boolean> {
    const args = [term, nonce, url, publicUrl]
    return (await callScript(this.#client, 'setLeaderUrl', [this.#keys.meta], args)) === 1
  }

  async recordChange(nonce: string, change: Omit<LeaderChange, 'atMs'>): Promise<void> {
    const { meta, changes } = this.#keys
    await callScript(
      this.#client,
      'recordChange',
      [meta, changes],
      [nonce, CHANGES_KEPT, JSON.stringify(change)],
    )
  }

  async changes(): Promise<LeaderChange[]> {
    return readChanges(await this.#client.hgetall(this.#keys.changes))
  }

  async serverAgeMs(): Promise<number> {
    const info = await this.#client.info('server').catch(() => '') // forbidden: then it cannot be told
    return Number(/^uptime_in_seconds:(\d+)/m.exec(info)?.[1] ?? Number.POSITIVE_INFINITY) * 1000
  }

  get canSync(): boolean {
    return this.#canSync
  }

  async openTerm(signal: AbortSignal): Promise<TermConnection> {
    const { redis, commandTimeoutMs, name, group, leaseOnLog } = this.#options
    const client = createClient(redis, termOptions(commandTimeoutMs), `leasehold:${group}:${name}:term`)
    try {
      await connect(client, signal)
    } catch (error) {
      client.disconnect()
      throw error
    }
    return new RedisTermConnection(client, this.#keys, leaseOnLog, commandTimeoutMs)
  }

  async close(): Promise<void> {
    this.#client.disconnect()
    this.#tail?.disconnect()
  }
}

function leaderOf(id: string, term: number, url: string, publicUrl: string): LeaderInfo | undefined {
  return id === '' ? undefined : { id, term, url: url || undefined, publicUrl: publicUrl || undefined }
}

function refOf([id, index]: [id: string, index: string]): SnapshotRef | undefined {
  return id === '' ? undefined : { id, index: Number(index) }
}

function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

function secretsOf([secret, previous, next, version]: SecretsReply): Secrets {
  return { secret, previous, next, version }
}

/** An application as messages name it. */
export function describeApplication(name: string): string {
  return name === '' ? 'instances that only elect' : `the application "${name}"`
}
