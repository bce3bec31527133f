import { createHash, randomBytes } from 'node:crypto'
import { assertJson } from './apply/json.js'
import type { ArgsOf, Commands, LocalState, ResultOf } from './apply/state-machine.js'
import { type CreateParts, ElectionNode } from './election-node.js'
import { LeaseholdError, NotSupportedError } from './errors.js'
import { describeInstance } from './describe.js'
import { encodeEntry } from './log/entry.js'
import { OptionChecks } from './option-checks.js'
import type { ResolvedOptions, WriteConcern } from './options.js'
import { exportFile } from './replicate/snapshot-export.js'
import type { Committed } from './write/pending-writes.js'

/** Options of a single write. */
export interface WriteOptions {
  /** When it counts as committed. Default: the node's. Other than `'log'`: NOT_SUPPORTED in this version. */
  readonly writeConcern?: WriteConcern
  /** Makes a repeat take effect once. NOT_SUPPORTED in this version. */
  readonly opId?: string
  /** After how many ms to report its outcome as unknown. At most, and by default, the node's `writeTimeoutMs`. */
  readonly timeoutMs?: number
}

/** Where in the log a value was read. */
export interface ReadContext {
  /** The index that the replica had applied when the value was read. */
  readonly index: number
  readonly term: number
}

/** The argument of a command, if it takes one, then options. */
export type WriteArguments<F> = [ArgsOf<F>] extends [undefined]
  ? [args?: undefined, options?: WriteOptions]
  : [args: ArgsOf<F>, options?: WriteOptions]

/**
 * An instance with a replica: it writes through the group's log while it leads, and reads its own copy always.
 *
 * @example
 * ```ts
 * const node = createNode({ group: 'bank', redis: 'redis://127.0.0.1:6379', stateMachine: bank })
 * await node.start()
 * await node.write('deposit', { to: 'a', amount: 5 }) // on a follower: NotLeaderError
 * node.read((state) => state.accounts.a)
 * ```
 */
export class ReplicatedNode<S, C extends Commands<S>> extends ElectionNode {
  readonly #state: LocalState<S, C>
  /** Not the id's nonce, which others can see: operation ids seed what commands draw at random. */
  readonly #opPrefix = randomBytes(12).toString('base64url')
  #ops = 0

  /** Use `createNode`. */
  constructor(options: ResolvedOptions, createParts: CreateParts, state: LocalState<S, C>) {
    super(options, createParts, state)
    this.#state = state
  }

  /**
   * Appends a command to the log and resolves with its result once it is committed and applied here.
   *
   * @throws NotLeaderError, BusyError, LogRefusedError and other errors with `retryable`: nothing was written.
   * @throws CommandError, CommandFailedError: the command's own outcome; the entry is in the log.
   * @throws OutcomeUnknownError: it may have been written.
   * @throws LeaseholdError `UNKNOWN_COMMAND`, `NOT_JSON`, `ENTRY_TOO_LARGE`: nothing was written.
   */
  async write<K extends keyof C & string>(
    command: K,
    ...rest: WriteArguments<C[K]>
  ): Promise<ResultOf<C[K]>> {
    return (await this.submit(command, ...rest)).result
  }

  /** As `write`, and says where in the log the entry stands. */
  async submit<K extends keyof C & string>(
    command: K,
    ...rest: WriteArguments<C[K]>
  ): Promise<Committed<ResultOf<C[K]>>> {
    const [args, options = {}] = rest
    this.#checkOptions(options)
    if (!this.#state.knows(command)) {
      throw new LeaseholdError(
        'UNKNOWN_COMMAND',
        `The state machine "${this.#state.name}" has no command ${JSON.stringify(command)}. Nothing was written.`,
      )
    }
    if (this.instance.catchUp.halted === 'LOG_LOST') {
      throw new LeaseholdError(
        'LOG_LOST',
        'The log has lost entries that this replica holds, so nothing is written to it. Nothing was written.',
      )
    }
    if (args !== undefined) assertJson(args, `The argument of ${command}`)
    const opId = `${this.#opPrefix}-${(this.#ops++).toString(36)}`
    const fingerprint = createHash('sha256')
      .update(command)
      .update('\0')
      .update(JSON.stringify(args) ?? '')
      .digest('base64url')
      .slice(0, 16)
    const data = encodeEntry({ opId, fingerprint, version: this.#state.version, command, args })
    const { maxEntryBytes } = this.instance.options
    if (Buffer.byteLength(data) > maxEntryBytes) {
      throw new LeaseholdError(
        'ENTRY_TOO_LARGE',
        `The entry has ${Buffer.byteLength(data)} bytes, maxEntryBytes is ${maxEntryBytes}. Nothing was written.`,
      )
    }
    return (await this.instance.writer.submit(opId, data, options.timeoutMs)) as Committed<ResultOf<C[K]>>
  }

  /**
   * Reads the local replica, synchronously. Treat the state as read-only: a change here would make replicas differ.
   * A replica that cannot follow the log any more (out of reach, lost, or the app too old) goes on showing the past at
   * which it stands; `status()` calls it stale.
   *
   * @throws LeaseholdError `DIVERGED` while a replica that was off the log's history rebuilds itself, and `NOT_STARTED`
   * before it has caught up for the first time.
   */
  read<T>(fn: (state: S, at: ReadContext) => T): T {
    this.#checkReadable()
    const { applier } = this.instance
    return fn(this.#state.state, { index: applier.index, term: applier.position.term })
  }

  /** Reads with a consistency. This version knows `'local'`; others reject with `NOT_SUPPORTED`. */
  async readAt<T>(
    options: { consistency: 'local' | 'session' | 'linearizable' },
    fn: (state: S, at: ReadContext) => T,
  ): Promise<T> {
    if (options.consistency !== 'local') throw new NotSupportedError(`Consistency "${options.consistency}"`)
    return this.read(fn)
  }

  /**
   * A backup of the local replica at the index where it stands: the bytes of a gzip file that `importSnapshot` reads.
   * It is taken at the first read, compressed, in memory; nothing is applied here meanwhile, and on a leader writes
   * wait, so prefer a follower. Works on a replica that is stale or ahead of a log that lost entries (`LOG_LOST`), too:
   * that is when a copy of what it holds is wanted.
   *
   * @throws LeaseholdError as `read` does, at the first read.
   * @example
   * ```ts
   * await pipeline(node.exportSnapshot(), createWriteStream('bank.leasehold.gz'))
   * ```
   */
  async *exportSnapshot(): AsyncGenerator<Uint8Array, void, undefined> {
    const { instance } = this
    const { catchUp, writer, options } = instance
    const standing = { stale: true, halted: null as string | null }
    const taken = await writer.hold(() =>
      catchUp.takeSnapshot(() => {
        this.#checkReadable()
        const { stale, halted = null } = describeInstance(instance) // at that moment, not once it was taken
        Object.assign(standing, { stale, halted })
        return true
      }),
    )
    if (!taken) return
    const { version, logId, index, term, timeMs, terms } = taken.head
    const place = { application: this.#state.name, version, group: options.group, logId, index, term, timeMs }
    yield* exportFile(taken, { ...place, ...standing, terms })
  }

  /** @throws LeaseholdError if what the replica shows is nothing that anybody should see. */
  #checkReadable(): void {
    const { catchUp, caughtUp } = this.instance
    if (catchUp.halted === 'DIVERGED') {
      throw new LeaseholdError(
        'DIVERGED',
        'This replica was off the history of the log and is rebuilding itself. Read elsewhere, or later.',
        { retryable: true },
      )
    }
    if (!caughtUp) {
      throw new LeaseholdError(
        'NOT_STARTED',
        'This replica has not caught up with the log yet. Await node.start(), or read elsewhere.',
        { retryable: true },
      )
    }
  }

  /** What this version cannot honour is refused; nothing weaker is done in its place. */
  #checkOptions({ writeConcern = this.instance.options.writeConcern, opId, timeoutMs }: WriteOptions): void {
    const check = new OptionChecks()
    check.writeConcern(writeConcern)
    if (timeoutMs !== undefined && !(timeoutMs > 0)) check.fail('timeoutMs', timeoutMs, 'must be above 0 ms')
    check.throwIfAny()
    if (writeConcern !== 'log') throw new NotSupportedError(`Write concern ${JSON.stringify(writeConcern)}`)
    if (opId !== undefined) throw new NotSupportedError('An operation id of your own')
  }
}
