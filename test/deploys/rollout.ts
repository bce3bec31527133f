import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import { checkLists } from '../support/check-lists.js'
import { eventually } from '../support/deadline.js'
import { hasWritten, type Operation } from '../support/history.js'
import { type Instance, InstanceGroup, type StatusBody } from '../support/instances.js'
import { type Load, loadKeys, startLoad } from '../support/load.js'

/** What an instance runs. */
export type Code = 'v1' | 'v1 with tag' | 'v2'

const CODE: Record<Code, Record<string, string>> = {
  v1: { APP_VERSION: '1' },
  'v1 with tag': { APP_VERSION: '1', WITH_TAG: '1' },
  v2: { APP_VERSION: '2', WITH_TAG: '1' },
}

/** All that an instance holds. */
interface Replica {
  readonly state: {
    readonly values: Record<string, unknown>
    readonly lists: Record<string, string[]>
    readonly tags?: Record<string, string>
  }
  readonly index: number
}

/** The part of an instance's status that tells of versions. */
export interface Standing {
  readonly halted: string | null
  readonly stale: boolean
  readonly eligible: boolean
  readonly role: string
}

/** A group of the app in `app.mjs` under load, whose instances are replaced one after the other. */
export class Rollout {
  readonly #group: InstanceGroup
  /** Those that a load balancer would send requests to. */
  readonly serving: Instance[] = []
  #load: Load | undefined

  constructor(redis: { readonly url: string }, env: Record<string, string> = {}) {
    const script = join(__dirname, 'app.mjs')
    this.#group = new InstanceGroup({ redis, ttlMs: 2000, script, env })
  }

  /** The group's name in Redis. */
  get name(): string {
    return this.#group.name
  }

  /** Starts an instance, and sends requests to it once it is ready. */
  async start(code: Code, env: Record<string, string> = {}): Promise<Instance> {
    const instance = await this.#group.add({ ...CODE[code], ...env })
    await eventually(async () => (await instance.request('GET', '/cluster/readyz')).status === 200, {
      message: 'the instance to be ready',
    })
    this.serving.push(instance)
    return instance
  }

  /** Sends no more requests to an instance, and stops it in good order. */
  async retire(instance: Instance): Promise<void> {
    this.serving.splice(this.serving.indexOf(instance), 1)
    const { code } = await instance.terminate()
    if (code !== 0) throw new Error(`It ended with exit code ${code}: ${instance.stderr()}`)
  }

  /** Replaces an instance by one that runs `code`. */
  async replace(instance: Instance, code: Code, env: Record<string, string> = {}): Promise<Instance> {
    await this.retire(instance)
    return this.start(code, env)
  }

  leader(): Promise<Instance> {
    return this.#group.leader()
  }

  startLoad(seed: number): Load {
    const urls = () => this.serving.map(({ url }) => url)
    return (this.#load = startLoad({ urls, clients: 8, seed }))
  }

  /** Waits until clients have had another hundred writes acknowledged. */
  async writesGoOn(): Promise<void> {
    const acknowledged = () => this.#load?.history.filter(hasWritten).length ?? 0
    const before = acknowledged()
    await eventually(() => acknowledged() >= before + 100, { message: 'writes to go on' })
  }

  async standing(instance: Instance): Promise<Standing> {
    return (await instance.status()).instance as StatusBody['instance'] & Standing
  }

  /** Waits until all that serve hold the same, and returns it. */
  async settled(): Promise<Replica> {
    const replicas = () =>
      Promise.all(this.serving.map(async (each) => (await each.request<Replica>('GET', '/replica')).body))
    return eventually(
      async () => {
        const [first, ...others] = await replicas()
        return others.every((other) => isDeepStrictEqual(other, first)) && first
      },
      { message: 'all replicas to be equal' },
    )
  }

  stop(): Promise<void> {
    return this.#group.stopAll()
  }
}

/**
 * What is wrong between a history and the replica that all ended up with: errors of clients, writes that are lost or
 * doubled, reads that were not true at the index that they name.
 */
export function problemsOf(history: readonly Operation[], { state }: Replica): string[] {
  const lists = new Map(loadKeys().map((key) => [key, state.lists[`=${key}`] ?? []]))
  return [
    ...history.filter(({ outcome }) => outcome !== 'ok').map(describe),
    ...checkLists(history, [{ replica: 'the group', lists }]),
    ...checkReads(history),
    ...checkLastWrites(history, state.values),
  ]
}

function describe({ kind, key, outcome, status, reason, url, startMs, endMs }: Operation): string {
  return `${kind} ${key} through ${url} ended ${outcome} after ${Math.round(endMs - startMs)} ms: ${status ?? ''} ${reason}`
}

/** The acknowledged writes to a register. */
const writesTo = (key: string, history: readonly Operation[]) =>
  history.filter((operation) => operation.kind !== 'push' && operation.key === key && hasWritten(operation))

/** The last write up to an index; with none of unknown outcome, its value is what stood there. */
function valueAt(writes: readonly Operation[], index: number): unknown {
  let last: Operation | undefined
  for (const write of writes) {
    const at = write.index ?? 0
    if (at <= index && at > (last?.index ?? 0)) last = write
  }
  return last?.value ?? null
}

/** However old a read is: it says at which index it was true, and it was. */
function checkReads(history: readonly Operation[]): string[] {
  return loadKeys().flatMap((key) => {
    const writes = writesTo(key, history)
    return history
      .filter((operation) => operation.kind === 'get' && operation.key === key && operation.outcome === 'ok')
      .filter(({ value, index = 0 }) => valueAt(writes, index) !== value)
      .map(({ value, index, url }) => `${url} read ${String(value)} from ${key} at ${index}`)
  })
}

function checkLastWrites(history: readonly Operation[], values: Record<string, unknown>): string[] {
  return loadKeys().flatMap((key) => {
    const expected = valueAt(writesTo(key, history), Number.POSITIVE_INFINITY)
    const held = values[`=${key}`] ?? null
    return held === expected ? [] : [`${key} does not hold what was written last, at the highest index`]
  })
}
