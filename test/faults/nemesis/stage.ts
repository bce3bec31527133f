import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeOptions } from '@leasehold/core'
import { type Keys, keysOf } from '../../../packages/core/src/redis/keys.js'
import { eventually } from '../../support/deadline.js'
import { hasWritten, type Operation } from '../../support/history.js'
import { type Instance, InstanceGroup } from '../../support/instances.js'
import { type Load, loadKeys, startLoad } from '../../support/load.js'
import type { OwnedProcess } from '../../support/owned-process.js'
import type { RedisServer } from '../../support/redis-server.js'
import { Actor } from './actor.js'
import type { Draws } from './draws.js'
import { type Journal, type LogLine, type NoteKind, notesOf, readJournals } from './journal.js'
import { OneServer, type OneServerOptions, type Place, type SeveralServers, type Way } from './place.js'

export type { Actor } from './actor.js'

/** How a group is set up for a fault. */
export interface StageOptions extends OneServerOptions {
  /** Where Redis runs, if not on one server. */
  servers?: SeveralServers
  ttlMs?: number
  /** By default the seed decides. */
  writeConcern?: string
  node?: Partial<NodeOptions>
}

/** How one more process is started. */
export interface AddOptions {
  /** Added to its environment. */
  env?: Record<string, string>
  /** Gets the process and its way before it is ready. */
  onStart?: (owned: OwnedProcess, way: Way) => void
}

const SERVER = join(__dirname, 'journaled-kv.mjs')
const TTL_MS = 1000
/** A request that got stuck with a fault is given up after this, and its outcome is unknown. */
const REQUEST_TIMEOUT_MS = 5000
const KEYS = 8
const CLIENTS = 12

/** A group of processes under load, each behind proxies of its own, for one fault. Made by `Stage.open`. */
export class Stage {
  readonly group: InstanceGroup
  readonly keys: Keys
  readonly options: StageOptions
  readonly ttlMs: number
  readonly draw: Draws
  readonly leaseNodes: readonly RedisServer[]
  readonly place: Place
  /** The log's Redis; a row that moves the log says so. */
  redis: RedisServer
  /** Where the processes' journals are. */
  readonly folder = mkdtempSync(join(tmpdir(), 'leasehold-journals-'))
  readonly #actors: Actor[] = []
  readonly #avoided = new Set<Instance>()
  readonly #node: Partial<NodeOptions>
  #loads: readonly Load[] = []
  #keepsJournals = false

  private constructor(place: Place, options: StageOptions, draw: Draws) {
    this.place = place
    this.redis = place.redis
    this.leaseNodes = place.leaseNodes ?? []
    this.draw = draw
    this.options = options
    this.ttlMs = options.ttlMs ?? TTL_MS
    this.#node = {
      heartbeatMs: 200,
      settleMs: 500,
      commandTimeoutMs: 1000,
      // So that snapshots are taken and the log is trimmed all the time.
      snapshotEntries: 300,
      trailingEntries: 150,
      ...options.node,
    }
    const name = options.servers?.group
    this.group = new InstanceGroup({
      ...(name !== undefined && { name }),
      redis: this.redis,
      ttlMs: this.ttlMs,
      script: SERVER,
      env: {
        JOURNALS: this.folder,
        WRITE_CONCERN: options.writeConcern ?? draw.pick(['log', '1', 'majority']),
      },
    })
    this.keys = keysOf(this.group.name)
  }

  /** Starts three processes, and the load. */
  static async open(options: StageOptions, seed: number, draw: Draws): Promise<Stage> {
    const place = options.servers ?? (await OneServer.open(options))
    const stage = new Stage(place, options, draw)
    await Promise.all([stage.add(), stage.add(), stage.add()])
    const common = { seed, keys: KEYS, timeoutMs: REQUEST_TIMEOUT_MS }
    const healthy = () =>
      stage.actors.map(({ instance }) => instance).filter((one) => !stage.#avoided.has(one))
    stage.#loads = [
      startLoad({ ...common, clients: CLIENTS, urls: () => healthy().map(({ url }) => url) }),
      // A few ask whoever has the fault, too; they may get stuck with it.
      startLoad({ ...common, clients: 2, firstClient: 100, urls: stage.group.urls }),
    ]
    return stage
  }

  /** The processes that run, also those that stand still. */
  get actors(): readonly Actor[] {
    return this.#actors.filter(({ instance }) => instance.running)
  }

  /** What the clients have seen so far. */
  get history(): readonly Operation[] {
    return this.#loads.flatMap(({ history }) => history)
  }

  /** What all processes that ever ran have noted so far. */
  get journals(): Journal[] {
    return readJournals(this.folder)
  }

  /** What the processes have said of themselves so far. */
  notes<K extends NoteKind>(kind: K) {
    return notesOf(readJournals(this.folder, 'notes'), kind)
  }

  /** How often somebody was elected so far. */
  get elections(): number {
    return this.notes('elected').length
  }

  /** How many terms so far were ended for this reason. */
  demotions(reason: string): number {
    return this.notes('demoted').filter((note) => note.reason === reason).length
  }

  /** How often one of the instances has warned of this so far. */
  warnings(code: string): number {
    return this.notes('warning').filter(({ warning }) => warning === code).length
  }

  /** Starts another process. */
  async add({ env, onStart }: AddOptions = {}): Promise<Actor> {
    const way = await this.place.wayIn()
    const settings = { NODE_SETTINGS: JSON.stringify({ ...this.#node, ...way.node }) }
    const instance = await this.group.add({ ...settings, ...way.env, ...env }, (owned) =>
      onStart?.(owned, way),
    )
    const actor = new Actor(instance, way)
    this.#actors.push(actor)
    return actor
  }

  /** Waits until somebody leads. */
  async leader(): Promise<Actor> {
    const leader = await this.group.leader()
    return this.actors.find(({ instance }) => instance === leader) as Actor
  }

  /** The others, in an order that the seed decides. */
  async followers(): Promise<Actor[]> {
    const leader = await this.leader()
    return this.draw.shuffled(this.actors.filter((actor) => actor !== leader))
  }

  /** Most clients do not ask it, until `welcome`. */
  avoid({ instance }: Actor): void {
    this.#avoided.add(instance)
  }

  /** All clients ask it again. */
  welcome({ instance }: Actor): void {
    this.#avoided.delete(instance)
  }

  /** Waits until writes have been acknowledged that began after this call, through every instance that is not avoided. */
  async goesOn(count = 30): Promise<void> {
    const fromMs = performance.now()
    const done = () => {
      const since = this.history.filter((one) => one.startMs > fromMs && hasWritten(one))
      const urls = new Set(since.map(({ url }) => url))
      const asked = this.actors.filter(({ instance }) => !this.#avoided.has(instance))
      return since.length >= count && asked.every(({ instance }) => urls.has(instance.url))
    }
    await eventually(done, {
      timeoutMs: 40_000,
      intervalMs: 25,
      message: 'writes to go on through every instance',
    })
  }

  /** Waits until somebody has been elected since there were so many elections. */
  async electionAfter(elections: number): Promise<void> {
    await eventually(() => this.elections > elections, {
      timeoutMs: 40_000,
      intervalMs: 25,
      message: 'an election',
    })
  }

  /** Ends all faults of processes and ways, and has everybody connect anew where bytes were lost. */
  heal(): void {
    for (const actor of this.actors) {
      actor.instance.resume()
      this.welcome(actor)
      for (const proxy of actor.proxies) {
        const lost = proxy.lostBytes('toServer') + proxy.lostBytes('toClient') > 0
        proxy.heal()
        if (lost) proxy.reset()
      }
    }
  }

  /** What the processes said that ended by themselves, and not well: one that was killed has no exit code. */
  async crashes(): Promise<string[]> {
    const ended = this.#actors.filter(({ instance }) => !instance.running)
    const exits = await Promise.all(
      ended.map(async ({ instance }) => ({ instance, ...(await instance.exited) })),
    )
    const bad = exits.filter(({ code }) => code !== null && code !== 0)
    return bad.map(
      ({ instance, code }) => `${instance.url} ended with ${code}: ${instance.stderr().slice(-500)}`,
    )
  }

  /** Has each client end its request, and returns all that they have seen. */
  async stopLoad(): Promise<readonly Operation[]> {
    await Promise.all(this.#loads.map((load) => load.stop()))
    return this.history
  }

  /** The log as it stands in Redis. */
  async readLog(): Promise<LogLine[]> {
    const entries = (await this.redis.command('XRANGE', this.keys.log, '-', '+')) as [string, string[]][]
    return entries.map(([id, [name = '']]) => ({
      index: Number.parseInt(id, 10),
      term: Number.parseInt(name, 10),
    }))
  }

  /** Whether the log ends where its Redis says that it does: a script that was left half done would tell here. */
  async checkHead(log: readonly LogLine[]): Promise<string[]> {
    const head = Number(await this.redis.command('HGET', this.keys.meta, 'head'))
    const last = log.at(-1)?.index
    return last === undefined || last === head ? [] : [`the log ends at ${last}, its head is ${head}`]
  }

  /** Has `close` leave the journals, for whoever wants to know what happened. */
  keepJournals(): void {
    this.#keepsJournals = true
  }

  /** The keys of the load, for lists and for registers. */
  get loadKeys(): readonly string[] {
    return loadKeys({ keys: KEYS })
  }

  /** Ends everything, and forgets the journals. */
  async close(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()))
    await this.group.stopAll()
    await Promise.all(this.#actors.flatMap(({ proxies }) => proxies.map((proxy) => proxy.close())))
    await this.place.close()
    if (!this.#keepsJournals) rmSync(this.folder, { recursive: true })
  }
}
