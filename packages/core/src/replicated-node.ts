import { randomBytes } from 'node:crypto'
import { anotherOperation, isOutcome } from './apply/applier.js'
import { assertJson } from './apply/json.js'
import type { Commands, LocalState, ResultOf } from './apply/state-machine.js'
import {
  checkedRead,
  checkedWrite,
  type ReadContext,
  type ReadOptions,
  type WriteArguments,
  type WriteOptions,
} from './calls.js'
import { type CreateParts, ElectionNode } from './election-node.js'
import { LeaseholdError } from './errors.js'
import { describeInstance } from './describe.js'
import { type Since, WINDOW_ONLY } from './log/entry.js'
import type { Span } from './observe/tracing.js'
import type { LeaderFunction } from './operate/leader-work.js'
import type { JobQueue } from './operate/status.js'
import type { ResolvedOptions } from './options.js'
import type { Position } from './position.js'
import type { Change, ChangesOptions } from './read/changes.js'
import { exportFile } from './replicate/snapshot-export.js'
import { entryData } from './write/entry-data.js'
import type { Committed } from './write/pending-writes.js'
import { fingerprintOf, type Operation, type RequestScope } from './write/request-scope.js'
import { Requests } from './write/requests.js'
import { carriedTrace, endWrite, startWrite } from './write/write-spans.js'

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
  readonly #requests = new Requests((code, message) => this.warn(code, message))

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
  write<K extends keyof C & string>(command: K, ...rest: WriteArguments<C[K]>): Promise<ResultOf<C[K]>> {
    return this.#watched(this.submit(command, ...rest).then(({ result }) => result))
  }

  /** As `write`, and says where in the log the entry stands. */
  submit<K extends keyof C & string>(
    command: K,
    ...rest: WriteArguments<C[K]>
  ): Promise<Committed<ResultOf<C[K]>>> {
    const [args, options = {}] = rest
    const ofRequest = options.opId === undefined ? this.#requests.nextOperation(command) : undefined
    const span = startWrite(this.tracer, command)
    const committed = this.#submit(command, args, options, ofRequest, span)
    if (span) endWrite(span, committed)
    this.#requests.began(committed)
    return this.#watched(committed as Promise<Committed<ResultOf<C[K]>>>)
  }

  /** Within a request a failure that nobody handles is seen by whoever runs the request; it must not end the process. */
  #watched<T>(answer: Promise<T>): Promise<T> {
    if (this.#requests.current) answer.catch(() => {})
    return answer
  }

  /**
   * Runs a request's handler: its writes, also those that it begins later, are known by the request, so that they take
   * effect once however often the request is sent (G6). For adapters.
   */
  runRequest<T>(scope: RequestScope, handler: () => T): T {
    return this.#requests.run(scope, handler)
  }

  override whileLeader(fn: LeaderFunction): () => void {
    return super.whileLeader((context) => this.#requests.runOutside(() => fn(context)))
  }

  /** Not async itself, nor what it calls: each would cost as much again as the rest of a write here. */
  #submit(
    command: string,
    args: unknown,
    options: WriteOptions,
    ofRequest: Operation | undefined,
    span: Span | undefined,
  ): Promise<Committed> {
    try {
      const { concerns, options: defaults } = this.instance
      const { writeConcern, timeoutMs } = checkedWrite(options, defaults)
      concerns.assertPossible(writeConcern)
      this.#assertWritable(command, args)
      const operation = ofRequest ?? this.#operation(command, args, options.opId)
      const answer =
        this.#repeated(operation, timeoutMs) ?? this.#append(operation, command, args, timeoutMs, span)
      return concerns.hold(answer, writeConcern, operation.opId, timeoutMs)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #assertWritable(command: string, args: unknown): void {
    const { instance } = this
    if (!this.#state.knows(command)) {
      throw new LeaseholdError(
        'UNKNOWN_COMMAND',
        `The state machine "${this.#state.name}" has no command ${JSON.stringify(command)}. Nothing was written.`,
      )
    }
    if (instance.catchUp.halted === 'LOG_LOST' && !instance.recovers) {
      throw new LeaseholdError(
        'LOG_LOST',
        'The log has lost entries that this replica holds, so nothing is written to it. Nothing was written.',
      )
    }
    if (args !== undefined) assertJson(args, `The argument of ${command}`)
  }

  #append(
    operation: Operation,
    command: string,
    args: unknown,
    timeoutMs: number,
    span: Span | undefined,
  ): Promise<Committed> {
    const trace = carriedTrace(span)
    const { opId, fingerprint, since } = operation // a spread of three took a third of what a write costs
    const draft = { opId, fingerprint, since, version: this.#state.version, command, args, trace }
    const data = entryData(draft, this.instance.options.maxEntryBytes)
    return this.instance.writer.submit(operation, data, timeoutMs, trace && span)
  }

  #operation(command: string, args: unknown, opId: string | undefined): Operation {
    if (opId === undefined)
      return { opId: `${this.#opPrefix}-${(this.#ops++).toString(36)}`, fingerprint: '', since: undefined }
    return { opId, fingerprint: fingerprintOf(command, JSON.stringify(args) ?? ''), since: WINDOW_ONLY }
  }

  /**
   * The leader's shortcut for an operation whose result is kept; what is applied decides. One that is under way is waited for in
   * any role: a leader that claims anew takes writes, too, and each has to be answered.
   */
  #repeated({ opId, fingerprint, since }: Operation, timeoutMs: number): Promise<Committed> | undefined {
    if (since === undefined) return undefined
    const { applier, pending, meters } = this.instance
    const same = pending.find(opId)
    if (same) {
      const isRepeat = same.fingerprint === fingerprint
      if (isRepeat) meters.count('replays', '')
      return isRepeat ? pending.join(same, timeoutMs) : Promise.reject(anotherOperation(opId, since))
    }
    if (!this.isLeader) return undefined
    const first = applier.find(opId, fingerprint, since)
    if (!first) return undefined
    const { index, term } = first
    if (isOutcome(first)) meters.count('replays', '')
    return first.ok ? Promise.resolve({ result: first.result, index, term }) : Promise.reject(first.error)
  }

  /**
   * The last entry of the log when this instance last looked; undefined before it did. For adapters: a request that arrives
   * now is named by it (`RequestIdentity.since`).
   */
  get seenHead(): Since | undefined {
    const { end } = this.instance.catchUp.seen
    return end && { term: end.term, index: end.index }
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
    this.instance.assertReadable()
    const { applier } = this.instance
    return fn(this.#state.state, { index: applier.index, term: applier.position.term })
  }

  /** Whether the local replica has applied `position`: false as well if that is in no log that it follows. */
  hasApplied(position: Position): boolean {
    return this.instance.reads.has(position)
  }

  /** Whether a session read that asks for `position` has nothing to wait for: what `read` gives now is at least that. */
  isReadableAt(position: Position): boolean {
    return this.instance.reads.isReadableAt(position)
  }

  /**
   * Reads the local replica once it is as fresh as `options` ask for.
   *
   * @throws LineageLostError if `position` is not in the history of the log.
   * @throws LaggingError if the log could not be read in time.
   * @throws LeaseholdError `LOG_LOST`, `DIVERGED`, `VERSION_TOO_OLD`, `NOT_STARTED` as the replica stands.
   * @throws OptionsError if `options` ask for something else than there is.
   */
  async readAt<T>(options: ReadOptions, fn: (state: S, at: ReadContext) => T): Promise<T> {
    await this.reach(options)
    return this.read(fn)
  }

  /**
   * What the local replica applies, in order, each entry once, and nothing left out (G5): from here on, or behind what was
   * seen last on whichever instance. Where that cannot be done, because the log does not reach back that far any more or the
   * replica had to start over, an item of type `'reset'` says so; read the state then. Ends with `signal` and with `stop()`.
   *
   * The last 1024 changes (at most 4 MiB of JSON) are in memory, once for all who read; whoever is further behind reads the
   * log. There the outcome is known of what was written in a request or with an `opId`, for as long as results are kept, and
   * `'unknown'` of all else. All who read get the same objects: do not change them.
   *
   * @throws from the first `next`: LineageLostError, LaggingError and others as `readAt` does of a session read at `after`;
   * without that, as `read` does.
   * @example
   * ```ts
   * for await (const change of node.changes({ after, signal })) {
   *   if (change.type === 'reset') startAnew()
   *   else if (change.command === 'deposit' && change.outcome === 'ok') show(change.args.to, change.result)
   * }
   * ```
   */
  changes(options: ChangesOptions = {}): AsyncIterableIterator<Change<C>, undefined> {
    return this.instance.changes.open(options) as AsyncIterableIterator<unknown, undefined> as never
  }

  /**
   * A backup of the local replica at the index where it stands: the bytes of a gzip file that `importSnapshot` reads.
   * It is taken at the first read, compressed, in memory; nothing is applied here meanwhile, and on a leader writes
   * wait, so prefer a follower. Works on a replica that is stale or ahead of a log that lost entries (`LOG_LOST`), too:
   * that is when a copy of what it holds is wanted. Should this instance become the leader meanwhile, the others do not
   * wait for it: it is begun anew a second later.
   *
   * @throws LeaseholdError as `read` does, at the first read.
   * @example
   * ```ts
   * await pipeline(node.exportSnapshot(), createWriteStream('bank.leasehold.gz'))
   * ```
   */
  async *exportSnapshot(): AsyncGenerator<Uint8Array, void, undefined> {
    const { instance } = this
    const { taker, options } = instance
    const standing = { stale: true, halted: null as string | null }
    const taken = await taker.take(() => {
      instance.assertReadable()
      const { stale, halted = null } = describeInstance(instance) // at that moment, not once it was taken
      Object.assign(standing, { stale, halted })
      return true
    })
    if (!taken) return
    const { version, logId, index, term, timeMs, terms } = taken.head
    const place = { application: this.#state.name, version, group: options.group, logId, index, term, timeMs }
    yield* exportFile(taken, { ...place, ...standing, terms })
  }

  /**
   * Resolves once the local replica is as fresh as `options` ask for; what `read` gives from then on is at least that.
   *
   * @throws as `readAt`.
   */
  async reach(options: ReadOptions): Promise<void> {
    const { reads } = this.instance
    const { consistency, position, timeoutMs } = checkedRead(options)
    if (consistency === 'linearizable') await reads.linearizable(timeoutMs)
    else if (consistency === 'session' && position) await reads.session(position, timeoutMs)
  }

  /**
   * The BullMQ queues of the group's instances, for tools that show queues: `new Queue(name, { prefix, connection,
   * skipMetasUpdate: true })`. Those of instances that are silent are there until they are removed. The leader's own stays
   * empty. Nobody should add jobs there or take some away; that would change nothing, but cost time.
   *
   * @throws if the log's Redis is out of reach.
   */
  async queues(): Promise<JobQueue[]> {
    const { prefix } = this.instance.parts.transport
    const { members } = await this.groupStatus()
    return members.map((member) => ({ prefix, name: member.id, member }))
  }
}
