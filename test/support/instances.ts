import { randomUUID } from 'node:crypto'
import { eventually } from './deadline.js'
import { type Instance, startInstance, type StartInstanceOptions } from './instance.js'

export * from './instance.js'

/** How a group is started. */
export interface StartGroupOptions {
  /** By default one that no other has. */
  name?: string
  /** Where log and lease are. */
  redis: { readonly url: string }
  instances?: number
  ttlMs?: number
  /** Further configuration of each instance. */
  env?: Record<string, string>
  /** Another server: it says where it listens, as the example does, and has `/cluster`. */
  script?: string
}

/** A name that no other group has. */
export function newName(): string {
  return `test-${randomUUID().slice(0, 8)}`
}

/** Instances of the kv example that share a group of their own. Made by `startGroup`. */
export class InstanceGroup {
  /** The group's name in Redis. */
  readonly name: string
  readonly #options: StartGroupOptions
  readonly #instances: Instance[] = []

  constructor(options: StartGroupOptions) {
    this.name = options.name ?? newName()
    this.#options = options
  }

  /** Those whose process has not ended, also paused ones. */
  get instances(): readonly Instance[] {
    return this.#instances.filter((instance) => instance.running)
  }

  /** URLs of the running instances; a source for `startLoad`. */
  readonly urls = (): string[] => this.instances.map((instance) => instance.url)

  /** Starts another instance of this group. */
  async add(env: Record<string, string> = {}, onStart?: StartInstanceOptions['onStart']): Promise<Instance> {
    const { redis, ttlMs = 2_000, script } = this.#options
    const settings = { REDIS_URL: redis.url, GROUP: this.name, LEASE_TTL_MS: String(ttlMs) }
    const instance = await startInstance({
      env: { ...settings, ...this.#options.env, ...env },
      ...(script !== undefined && { script }),
      ...(onStart && { onStart }),
    })
    this.#instances.push(instance)
    return instance
  }

  /** Waits until exactly one running instance says that it leads, and returns that. */
  async leader(options: { timeoutMs?: number } = {}): Promise<Instance> {
    return eventually(
      async () => {
        const instances = this.instances
        const leads = await Promise.all(instances.map((instance) => instance.leads()))
        const leaders = instances.filter((_, at) => leads[at])
        return leaders.length === 1 && leaders[0]
      },
      { ...options, message: `one leader of ${this.name}` },
    )
  }

  /** The running instances but for the leader. */
  async followers(): Promise<Instance[]> {
    const leader = await this.leader()
    return this.instances.filter((instance) => instance !== leader)
  }

  /** Kills all instances. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.kill9()))
  }
}

/** Starts a group of (by default 3) instances, each a process. Call `stopAllInstances` in `afterAll`. */
export async function startGroup(options: StartGroupOptions): Promise<InstanceGroup> {
  const group = new InstanceGroup(options)
  await Promise.all(Array.from({ length: options.instances ?? 3 }, () => group.add()))
  return group
}
