import { join } from 'node:path'
import type { NodeOptions } from '@leasehold/core'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { type Program, startProgram } from '../support/program.js'
import type { RedisServer } from '../support/redis-server.js'

const file = join(__dirname, 'store-member.mjs')
/** Large replies and busy machines: nothing here is about how long a call takes. */
const CALL_MS = 120_000

/** What a leader's clients were told since they were last asked about. */
export interface Written {
  readonly acknowledged: number
  /** Codes of the writes that failed. */
  readonly errors: readonly string[]
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** How a process is at the moment. */
export interface StoreLook {
  readonly leads: boolean
  readonly term: number
  readonly index: number
  readonly warnings: readonly { readonly code: string; readonly message: string }[]
  readonly status: { readonly halted?: string; readonly idleMs: number; readonly lagEntries: number }
}

/** A node with a large state in a process of its own. */
export class StoreProcess {
  readonly program: Program
  #calls = 0

  constructor(program: Program) {
    this.program = program
  }

  /** Resolves once its node has started. */
  async started(): Promise<void> {
    await this.program.next(({ started }) => started === true, CALL_MS)
  }

  look(): Promise<StoreLook> {
    return this.call('look')
  }

  written(): Promise<Written> {
    return this.call('written')
  }

  digest(): Promise<{ index: number; sha256: string }> {
    return this.call('digest')
  }

  /** Has it do one of the `calls` of `store-member.mjs`. */
  async call<T>(call: string, argument?: unknown): Promise<T> {
    const id = ++this.#calls
    this.program.send({ id, call, argument })
    const { reply } = await this.program.next<{ id: number; reply: T }>(
      (message) => message.id === id,
      CALL_MS,
    )
    return reply
  }
}

/** Starts a process; its node may still be starting when this resolves. */
export async function startStore(
  group: string,
  name: string,
  options: Partial<NodeOptions> & { redis: string },
): Promise<StoreProcess> {
  const settings = JSON.stringify({
    heartbeatMs: 500,
    settleMs: 200,
    startTimeoutMs: 120_000,
    ...options,
    group,
    name,
  })
  return new StoreProcess(await startProgram({ file }, { env: { NODE_OPTIONS_JSON: settings } }))
}

/** A number that the group's log says of itself. */
export async function metaOf(redis: RedisServer, group: string, field: string): Promise<number> {
  return Number(await redis.command('HGET', keysOf(group).meta, field))
}
