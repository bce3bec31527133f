import { EventEmitter } from 'node:events'
import type { StateMachine } from './apply/state-machine.js'
import { describeGroup, describeInstance, isStale } from './describe.js'
import type { LeaderInfo, NodeEvents, Role, Warn, WarningCode } from './events.js'
import { Instance } from './instance.js'
import { Lifecycle } from './lifecycle.js'
import { NodeMetrics } from './node-metrics.js'
import type { Credentials } from './operate/credentials.js'
import type { LeaderFunction } from './operate/leader-work.js'
import type { OrderStore } from './operate/orders.js'
import { checkPause, type PauseOptions } from './operate/pause.js'
import { IN_FLIGHT_MS, type RotateOptions } from './operate/rotation.js'
import type { GroupStatus, InstanceStatus } from './operate/status.js'
import { checkSwitchover, type SwitchoverOptions } from './operate/switchover-request.js'
import { OptionChecks } from './option-checks.js'
import type { Tracer } from './observe/tracing.js'
import type { ResolvedOptions } from './options.js'
import type { Parts } from './parts.js'
import type { Position } from './position.js'

const MAX_IN_FLIGHT_MS = 3_600_000

/** Makes a node's parts, telling it where to report what is dubious about them. */
export type CreateParts = (warn: Warn) => Parts

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
  /** What makes the spans of this instance, if the option `tracer` says so. For adapters. */
  readonly tracer: Tracer | undefined
  protected readonly instance: Instance
  /** What this instance counts and measures of itself. `@leasehold/core/metrics` gives it to Prometheus. */
  readonly metrics: NodeMetrics
  readonly #lifecycle: Lifecycle
  readonly #events = new EventEmitter<NodeEvents>()
  #starting: Promise<void> | undefined

  /** Use `createNode`. */
  constructor(options: ResolvedOptions, createParts: CreateParts, machine: StateMachine | undefined) {
    const emit = <K extends keyof NodeEvents>(event: K, ...args: NodeEvents[K]) => this.#emit(event, args)
    const parts = createParts((code, message) => this.instance.warn(code, message))
    this.instance = new Instance({ ...parts, options, machine, emit })
    this.#lifecycle = new Lifecycle(this.instance)
    this.metrics = new NodeMetrics(this.instance)
    this.tracer = options.tracer
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

  /**
   * Whether this instance leads at this moment and takes writes: looks at the lease's deadline on the monotonic clock
   * at each call. After the call of `stop()` it stays true for a moment, until another instance can take over.
   */
  get isLeader(): boolean {
    return this.instance.leads
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

  /** True if the local replica cannot know how old its data is: the log is out of reach, lost, or behind it. */
  get stale(): boolean {
    return isStale(this.instance)
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
   * For adapters that keep connections to the leader: one to `id` broke, so its process may be gone. This instance then
   * looks at once instead of a moment later, and believes nothing but what Redis shows; a false alarm costs a few looks.
   */
  suspect(id: string): void {
    this.instance.watch.suspect(id)
  }

  /**
   * Says where other instances reach this one, and where clients do. Of a leader all know it within milliseconds, by
   * `leaderChanged`.
   *
   * @throws OptionsError if one is not an http or https URL.
   */
  setUrl(url: string, publicUrl?: string): void {
    const check = new OptionChecks()
    const [reachable, reachableByClients] = [check.url('url', url), check.url('publicUrl', publicUrl)]
    check.throwIfAny()
    this.instance.url = reachable
    if (reachableByClients !== undefined) this.instance.publicUrl = reachableByClients
    this.instance.heartbeat.beatNow()
    this.instance.elector.wake()
  }

  /**
   * Joins the group. Resolves once the replica has caught up and somebody leads; on a lone instance, once it leads.
   * A failed start leaves nothing running, and a node starts once: make a new one to try again.
   *
   * @throws LeaseholdError `REDIS_UNREACHABLE`, `REDIS_UNSUPPORTED`, `REDIS_FORBIDDEN`, `NAME_TAKEN`, `APP_MISMATCH`,
   * `VERSION_TOO_OLD`, `START_TIMEOUT`, `STOPPED`.
   * @throws OptionsError if two of `lease.redis` turn out to be the same server.
   */
  start(): Promise<void> {
    return (this.#starting ??= this.#lifecycle.join())
  }

  /** Hands leadership over if it has it, leaves the group and closes everything. Never rejects. */
  async stop(): Promise<void> {
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

  /**
   * Gives the group a new secret while it works: any instance may call it, and at no moment is a forwarded request
   * refused. Resolves when no living instance believes any more what is signed with the secret that was in use at the
   * call; that takes about six heartbeats and `inFlightMs`. Where it ends early, or its process dies, all go on
   * believing each other, and another call on any instance finishes it.
   *
   * @throws LeaseholdError `ROTATION_UNFINISHED` if a living instance does not follow, or Redis does not answer, within
   * 30 heartbeats; `NOT_STARTED`; `STOPPED`.
   * @throws OptionsError if `inFlightMs` is not a whole number of at least 0.
   */
  async rotateSecret({ inFlightMs = IN_FLIGHT_MS }: RotateOptions = {}): Promise<void> {
    const check = new OptionChecks()
    check.integer('inFlightMs', inFlightMs, 0, MAX_IN_FLIGHT_MS, 'ms')
    check.throwIfAny()
    await this.#lifecycle.rotateSecret(inFlightMs)
  }

  /**
   * Has another instance lead, without an error for anybody: writes wait while the leader lets the heir reach the head of
   * the log and gives it the lease. May be called on any instance; resolves with the new leader once that serves. At any
   * deadline on the way it is rolled back, and the leader goes on.
   *
   * @throws SwitchoverFailedError whose `reason` says why it did not take place.
   * @throws LeaseholdError `NO_LEADER`, `REDIS_UNREACHABLE`, `STOPPED`
   * @throws OptionsError if `to` is not a name or an id, or `timeoutMs` not a whole number of at least 100.
   */
  async switchover(options: SwitchoverOptions = {}): Promise<LeaderInfo> {
    const { to, timeoutMs } = checkSwitchover(options)
    return this.instance.switchover.request(to, timeoutMs)
  }

  /**
   * From now on no instance takes over from another by itself, whatever happens to the leader, until `resume()` or the end
   * of `forMs`: for work on the surroundings that would otherwise set off failovers. Stands in Redis, so it holds for all
   * instances and outlives them. A leader that only lost its lease or its connection goes on; `switchover({ to })` works.
   *
   * @throws OptionsError if `forMs` is not a whole number of at least 1.
   */
  async pause(options: PauseOptions = {}): Promise<void> {
    const { forMs } = checkPause(options)
    await this.#order((orders) => orders.pause(forMs))
  }

  /** Ends a pause. If nobody leads by now, somebody does at once. */
  async resume(): Promise<void> {
    await this.#order((orders) => orders.resume())
  }

  /**
   * Whether this instance may lead, from now on until its process ends. A leader that may not any more switches over to the
   * best other one; where that fails it leads on, and `switchover` can be tried again.
   *
   * @throws as `switchover`.
   */
  async setEligible(eligible: boolean): Promise<void> {
    const check = new OptionChecks()
    check.boolean('eligible', eligible)
    check.throwIfAny()
    this.instance.eligible = eligible
    this.instance.heartbeat.beatNow()
    this.instance.elector.wake()
    if (!eligible && this.isLeader) await this.switchover()
  }

  /** Gives an order to the group, and has all look at it, this instance first. */
  async #order(give: (orders: OrderStore) => Promise<void>): Promise<void> {
    const { orders, leases } = this.instance.parts
    await give(orders)
    leases.announceOrders()
    await this.instance.switchover.look()
  }

  /** Raises a `warning` event and logs it. For adapters, whose users listen to the node. */
  warn(code: WarningCode, message: string): void {
    this.instance.warn(code, message)
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
      this.instance.options.logger.error(
        { event: 'listenerThrew', of: event, err: error },
        'a listener threw',
      )
      if (event !== 'error') this.#emit('error', [error as Error] as never)
    }
  }
}
