import type { Asked } from './ask.js'
import { isRead, type Operation } from './history.js'
import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'

/** What a client does, one as often as another. */
const KINDS = ['push', 'push', 'push', 'list', 'put', 'put', 'cas', 'cas', 'get', 'get', 'get'] as const
const CONSISTENCIES = ['session', 'linearizable'] as const

/**
 * What one client does, one after the other, and whom it asks. The seed decides that; only what a cas expects depends on
 * what the client has been told.
 */
export class Plan {
  readonly #seed: number
  readonly #client: number
  readonly #keys: readonly string[]
  readonly #random: () => number
  /** What the client found or left in each register; others may have changed it since. */
  readonly #known = new Map<string, unknown>()
  #lastRegister: string | undefined
  #planned = 0

  constructor(seed: number, client: number, keys: readonly string[]) {
    this.#seed = seed
    this.#client = client
    this.#keys = keys
    this.#random = seededRandom(seed * 1_000 + client)
  }

  /** The next operation, and which of these instances gets it; undefined if there are none. */
  next(urls: readonly string[]): { url: string | undefined; asked: Asked } {
    const kind = this.#pick(KINDS) ?? 'get'
    // A cas goes to the register that its client knows best: what it expects would be long gone in another.
    const key = (kind === 'cas' && this.#lastRegister) || this.#pick(this.#keys) || 'k0'
    if (kind === 'put' || kind === 'get') this.#lastRegister = key
    const url = this.#pick(urls)
    const who = { client: this.#client, kind, key }
    if (isRead({ kind }))
      return { url, asked: { ...who, value: undefined, consistency: this.#pick(CONSISTENCIES) ?? 'session' } }
    const value = `${this.#seed}-${this.#client}-${this.#planned++}`
    const expect = this.#known.get(key) ?? null
    return { url, asked: { ...who, value, ...(kind === 'cas' && { expect }) } }
  }

  /** Takes note of what an operation came to. */
  learn({ kind, key, outcome, value, present = value }: Operation): void {
    if (outcome === 'ok' && kind !== 'push' && kind !== 'list') this.#known.set(key, present)
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)]
  }
}
