import type { Redis } from 'ioredis'
import { randomBytes, randomInt } from 'node:crypto'
import type { Clock } from '../clock.js'
import { LeaseholdError, LogRefusedError } from '../errors.js'
import { type SnapshotHead, type SnapshotStore, UNNEEDED_TTL_S } from '../log/snapshot.js'
import type { ImportTarget } from '../operate/snapshot-import.js'
import type { RedisTarget } from '../options.js'
import { callScript } from './call-script.js'
import { commandOptions, connect, createClient, locate } from './connections.js'
import { type Keys, keysOf } from './keys.js'
import { describeApplication, FORMAT_VERSION } from './redis-log-store.js'
import { RedisSnapshotStore } from './redis-snapshot-store.js'
import { checkServer } from './server-checks.js'

const CONNECT_TIMEOUT_MS = 10_000
/** Between two looks whether the switch, whose reply was lost, has run; and how many of them. */
const LOOK_MS = 300
const LOOKS = 10

/** The group of an import, by a connection of its own: no instance is needed for it. */
export class RedisImportTarget implements ImportTarget {
  readonly snapshots: SnapshotStore
  readonly #client: Redis
  readonly #keys: Keys
  readonly #group: string
  readonly #replace: boolean
  readonly #clock: Clock

  constructor(parts: {
    redis: RedisTarget
    group: string
    replace: boolean
    commandTimeoutMs: number
    clock: Clock
  }) {
    const { redis, group, replace, commandTimeoutMs, clock } = parts
    this.#keys = keysOf(group)
    this.#client = createClient(
      locate(redis, this.#keys.meta),
      commandOptions(commandTimeoutMs),
      `leasehold:${group}:import`,
    )
    this.#group = group
    this.#replace = replace
    this.#clock = clock
    const store = new RedisSnapshotStore(this.#client, this.#keys)
    this.snapshots = {
      writeChunk: (id, number, chunk) => plainly(store.writeChunk(id, number, chunk)),
      writeHead: (head) => plainly(store.writeHead(head)),
      readHead: (id) => store.readHead(id),
      readChunk: (id, number) => store.readChunk(id, number),
    }
  }

  async open(application: string): Promise<void> {
    const late = new AbortController()
    const cancel = this.#clock.timer(CONNECT_TIMEOUT_MS, () => late.abort())
    await connect(this.#client, late.signal).finally(cancel)
    await plainly(checkServer(this.#client))
    await this.#import(application, undefined)
  }

  async switchIn(head: SnapshotHead, application: string): Promise<void> {
    try {
      await this.#import(application, head)
    } catch (error) {
      if (error instanceof LeaseholdError && error.code !== 'REDIS_UNREACHABLE') throw error
      if (await this.#hasLog(head.logId)) return
      throw new LeaseholdError(
        'OUTCOME_UNKNOWN',
        `The reply of Redis was lost, and whether group "${this.#group}" begins anew at the imported snapshot is unknown: it does if its log is ${head.logId}.`,
        { cause: error },
      )
    }
  }

  async discard(id: string): Promise<void> {
    await this.#client.unlink(this.#keys.snapshot(id)).catch(() => {}) // it expires by itself
  }

  close(): void {
    this.#client.disconnect()
  }

  /** Runs the script; without a head it only looks. */
  async #import(application: string, head: SnapshotHead | undefined): Promise<void> {
    const nonce = randomBytes(16).toString('hex')
    let [present, before] = ['', '']
    for (;;) {
      const reply = await plainly(this.#call(application, head, nonce, present, before))
      const [kind, first = '', second = ''] = reply
      switch (kind) {
        case 'FREE':
        case 'IMPORTED':
          return
        case 'PRESENT':
          ;[present, before] = [first, second]
          break
        default:
          throw this.#refusal(application, reply)
      }
    }
  }

  #call(
    application: string,
    head: SnapshotHead | undefined,
    nonce: string,
    present: string,
    before: string,
  ): Promise<string[]> {
    const { meta, log, terms, anyPresence } = this.#keys
    const keyOf = (id: string | undefined) => (id ? this.#keys.snapshot(id) : meta)
    const mode = [head ? '0' : '1', this.#replace ? '1' : '0', application, FORMAT_VERSION, anyPresence]
    const args = head && [
      ...[head.logId, nonce, randomInt(1, 1001), head.id, head.index, head.term, head.timeMs],
      ...[head.version, head.chunks + 1, present, before, UNNEEDED_TTL_S],
      ...head.terms.flatMap(({ term, nonce: owner, first }) => [term, `${first}:${owner}`]),
    ]
    return callScript(
      this.#client,
      'importSnapshot',
      [meta, log, terms, keyOf(head?.id), keyOf(present), keyOf(before)],
      [...mode, ...(args ?? [])],
    ) as Promise<string[]>
  }

  #refusal(application: string, [kind, ...details]: string[]): LeaseholdError {
    const group = `Group "${this.#group}"`
    const [detail = ''] = details
    switch (kind) {
      case 'APP':
        return mismatch(
          `${group} belongs to ${describeApplication(detail)}, the snapshot is of "${application}". Use another group`,
        )
      case 'FORMAT':
        return mismatch(
          `${group} is stored in format ${detail}, this version of the library knows format ${FORMAT_VERSION}. Upgrade it`,
        )
      case 'LOG':
        return notEmpty(`${group} has a log, with ${detail} entries`)
      case 'CONNECTED': {
        const ids = details.map((channel) => channel.slice(this.#keys.presence('').length))
        return notEmpty(`${group} has instances that are connected: ${ids.join(', ')}`)
      }
      default:
        return new LeaseholdError(
          'LOG_REFUSED',
          'Redis did not keep what was imported until it could be used. Nothing was changed; try again.',
          { retryable: true },
        )
    }
  }

  /** Whether the group has this log. False does not say that it never will: what was sent may still run. */
  async #hasLog(logId: string): Promise<boolean> {
    for (let look = 0; look < LOOKS; look++) {
      await this.#clock.sleep(LOOK_MS)
      const stored = await this.#client.hget(this.#keys.meta, 'logId').catch(() => undefined)
      if (stored === logId) return true
    }
    return false
  }
}

function mismatch(why: string): LeaseholdError {
  return new LeaseholdError('APP_MISMATCH', `${why}. Nothing was changed.`)
}

function notEmpty(why: string): LeaseholdError {
  return new LeaseholdError(
    'GROUP_NOT_EMPTY',
    `${why}. Nothing was changed. Import into another group, or say replace: true to give up what it has.`,
  )
}

/** Settles as `reply` does, with an error that says what became of the import. */
async function plainly<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof LeaseholdError) throw error
    const cause = error as Error
    if (cause.name === 'ReplyError') throw new LogRefusedError(cause)
    throw new LeaseholdError(
      'REDIS_UNREACHABLE',
      `Redis was lost during the import: ${cause.message}. Nothing was changed.`,
      { cause, retryable: true },
    )
  }
}
