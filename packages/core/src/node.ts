import { createHash, randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { assertJson } from './apply/json.js'
import type { ArgsOf, Commands, LocalState, ResultOf, StateMachine } from './apply/state-machine.js'
import { LeaseholdError, NotSupportedError, OptionsError } from './errors.js'
import type { LeaderInfo, NodeEvents, Role } from './events.js'
import { Instance } from './instance.js'
import { Lifecycle } from './lifecycle.js'
import { encodeEntry } from './log/entry.js'
import type { Credentials } from './operate/credentials.js'
import type { LeaderFunction } from './operate/leader-work.js'
import { describeGroup, describeInstance, type GroupStatus, type InstanceStatus } from './operate/status.js'
import { isHttpUrl, isWriteConcern, type ResolvedOptions, type WriteConcern } from './options.js'
import type { Parts } from './parts.js'
import type { Position } from './position.js'
import type { Committed } from './write/pending-writes.js'

/** Makes a node's parts, telling it where to report what is dubious about them. */
export type CreateParts = (warn: (code: string, message: string) => void) => Parts

/**
 * An instance's membership in a group: it competes for leadership and knows who leads. `createNode` makes one.
 *
 * @example
 * ```ts
 * const node = createNode({ group: 'reports', redis: 'redis://127.0.0.1:6379' })
 * await node.start()
 * node.whileLeader(async ({ signal, term }) => runReports({ signal, fencingToken: term }))
 * // …
 * await node.stop()
 * ```
 */
export class ElectionNode {
  protected readonly instance: Instance
  readonly #lifecycle: Lifecycle
  readonly #events = new EventEmitter<NodeEvents>()
  #starting: Promise<void> | undefined

  /** Use `createNode`. */
  constructor(options: ResolvedOptions, createParts: CreateParts, machine: StateMachine | undefined) {
    const emit = <K extends keyof NodeEvents>(event: K, ...args: NodeEvents[K]) => this.#emit(event, args)
    const parts = createParts((code, message) => {
      options.logger.warn({ code }, message)
      emit('warning', { code, message })
    })
    this.instance = new Instance({ ...parts, options, machine, emit })
    this.#lifecycle = new Lifecycle(this.instance)
  }

  /** The instance's name plus a nonce: new at each process start. */
  get id(): string {
    return this.instance.options.id
  }

  get name(): string {
    return this.instance.options.name
  }

  get group(): string {
    return this.instance.options.group
  }

  /** How long a lease lasts without renewal, in ms. */
  get leaseTtlMs(): number {
    return this.instance.options.leaseTtlMs
  }

  get role(): Role {
    return this.instance.elector.state.role
  }

  /** Whether this instance leads at this moment: looks at the lease's deadline on the monotonic clock at each call. */
  get isLeader(): boolean {
    return this.instance.elector.leads
  }

  /** Term of the leader that this instance knows: the fencing token on the leader itself. 0 before any is known. */
  get term(): number {
    const { state } = this.instance.elector
    return state.role === 'leader' ? state.term : (this.leader?.term ?? this.instance.leadership.floor)
  }

  /** Who leads; undefined while nobody is known to. */
  get leader(): LeaderInfo | undefined {
    return this.instance.leadership.leader
  }

  /** How far the local replica has applied the log. */
  get position(): Position {
    return this.instance.applier.position
  }

  /** Signs and checks what instances of the group say to each other. */
  get credentials(): Credentials {
    return this.instance.credentials
  }

  /** True while this instance leads and its reign, unbroken, includes `term`: nobody else has led since. */
  leads(term: number): boolean {
    const { state } = this.instance.elector
    return this.isLeader && state.role === 'leader' && state.reignSince <= term && term <= state.term
  }

  /** For adapters that route requests to the leader: from now on this instance must have a `url` to be eligible. */
  requireUrl(): void {
    this.instance.needsUrl = true
  }

  /**
   * Says where other instances reach this one, and where clients do.
   *
   * @throws OptionsError if one is not an http or https URL.
   */
  setUrl(url: string, publicUrl?: string): void {
    const problems = Object.entries({ url, publicUrl })
      .filter(([, value]) => value !== undefined && !isHttpUrl(value))
      .map(([option, value]) => `${option} is ${JSON.stringify(value)}: must be an http or https URL`)
    if (problems.length > 0) throw new OptionsError(problems)
    this.instance.url = url.replace(/\/+$/, '')
    if (publicUrl !== undefined) this.instance.publicUrl = publicUrl.replace(/\/+$/, '')
    this.instance.heartbeat.beatNow()
    this.instance.elector.wake()
  }

  /**
   * Joins the group. Resolves once the replica has caught up and somebody leads; on a lone instance, once it leads.
   * A failed start leaves nothing running, and a node starts once: make a new one to try again.
   *
   * @throws LeaseholdError `REDIS_UNREACHABLE`, `REDIS_UNSUPPORTED`, `NAME_TAKEN`, `APP_MISMATCH`, `START_TIMEOUT`, `STOPPED`.
   */
  start(): Promise<void> {
    return (this.#starting ??= this.#lifecycle.join())
  }

  /** Hands leadership over if it has it, leaves the group and closes everything. Never rejects. */
  async stop(): Promise<void> {
    this.#starting ??= Promise.resolve()
    await this.#lifecycle.leave()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /**
   * Runs `fn` whenever this instance leads, once per term, until the returned function is called. Its signal aborts
   * when leadership ends. Between the end of a reign and the abort another instance may lead already: give the term to
   * whatever `fn` writes to, as a fencing token.
   */
  whileLeader(fn: LeaderFunction): () => void {
    return this.instance.work.add(fn)
  }

  /** What this instance says of itself, from memory. */
  status(): InstanceStatus {
    return describeInstance(this.instance)
  }

  /** The whole group, as Redis has it now. Rejects if the log's Redis is out of reach. */
  groupStatus(): Promise<GroupStatus> {
    return describeGroup(this.instance)
  }

  on<K extends keyof NodeEvents>(event: K, listener: (...args: NodeEvents[K]) => void): this {
    this.#events.on(event, listener as never)
    return this
  }

  once<K extends keyof NodeEvents>(event: K, listener: (...args: NodeEvents[K]) => void): this {
    this.#events.once(event, listener as never)
    return this
  }

  off<K extends keyof NodeEvents>(event: K, listener: (...args: NodeEvents[K]) => void): this {
    this.#events.off(event, listener as never)
    return this
  }

  /** A listener that throws must not stop a loop, nor an entry from being applied: it is reported instead. */
  #emit<K extends keyof NodeEvents>(event: K, args: NodeEvents[K]): void {
    if (event === 'error' && this.#events.listenerCount('error') === 0) return
    try {
      this.#events.emit(event, ...(args as never))
    } catch (error) {
      this.instance.options.logger.error({ err: error, event }, 'a listener threw')
      if (event !== 'error') this.#emit('error', [error as Error] as never)
    }
  }
}

/** Options of a single write. */
export interface WriteOptions {
  /** When it counts as committed. Default: the node's. Other than `'log'`: NOT_SUPPORTED in this version. */
  readonly writeConcern?: WriteConcern
  /** Makes a repeat take effect once. NOT_SUPPORTED in this version. */
  readonly opId?: string
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
    this.#refuseUnsupported(options)
    if (!this.#state.knows(command)) {
      throw new LeaseholdError(
        'UNKNOWN_COMMAND',
        `The state machine "${this.#state.name}" has no command ${JSON.stringify(command)}. Nothing was written.`,
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
    return (await this.instance.writer.submit(opId, data)) as Committed<ResultOf<C[K]>>
  }

  /**
   * Reads the local replica, synchronously. Treat the state as read-only: a change here would make replicas differ.
   *
   * @throws LeaseholdError `DIVERGED` while a replica that was off the log's history rebuilds itself, and `NOT_STARTED`
   * before it has caught up for the first time.
   */
  read<T>(fn: (state: S, at: ReadContext) => T): T {
    const { catchUp, caughtUp, applier } = this.instance
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

  /** What this version cannot honour is refused; nothing weaker is done in its place. */
  #refuseUnsupported({ writeConcern = this.instance.options.writeConcern, opId }: WriteOptions): void {
    if (!isWriteConcern(writeConcern))
      throw new OptionsError([
        `writeConcern is ${JSON.stringify(writeConcern)}: must be 'log', 'majority', 'fsync', { replicas: n } or { redisReplicas: n }`,
      ])
    if (writeConcern !== 'log') throw new NotSupportedError(`Write concern ${JSON.stringify(writeConcern)}`)
    if (opId !== undefined) throw new NotSupportedError('An operation id of your own')
  }
}
