import { join } from 'node:path'
import { type Program, startProgram } from '../support/program.js'
import type { RedisServer } from '../support/redis-server.js'

type Range = [first: number, last: number]

/** What the callers of one process were told of their writes. */
export interface Answers {
  readonly acknowledged: readonly Range[]
  readonly refused: readonly Range[]
  readonly unknown: readonly Range[]
}

/** What a replica knows of the writes of one process. */
export interface Arrived {
  readonly last: number
  readonly missing: readonly Range[]
  readonly repeated: number
}

/** What all replicas must have in common. */
export interface State {
  readonly count: number
  /** Depends on every entry and their order. */
  readonly chain: number
  readonly boots: Readonly<Record<string, Arrived>>
}

/** An instance over its restarts. */
export class Member {
  readonly name: string
  readonly #redis: RedisServer
  /** The state machine's writes end when there are so many entries. */
  readonly #target: number
  /** By process. */
  readonly answers = new Map<string, Answers>()
  #program: Program | undefined
  #boot = ''
  #calls = 0

  constructor(name: string, redis: RedisServer, target: number) {
    this.name = name
    this.#redis = redis
    this.#target = target
  }

  async start(): Promise<void> {
    const options = { group: 'million', name: this.name, redis: this.#redis.url, lease: { ttlMs: 1500 } }
    const env = { MEMBER_JSON: JSON.stringify({ target: this.#target, options }) }
    const file = join(__dirname, 'million-member.mjs')
    this.#program = await startProgram({ file }, { env, nodeArgs: ['--expose-gc'] })
    const { boot } = await this.#program.next<{ started: true; boot: string }>(({ started }) => started)
    this.#boot = boot
  }

  async call<T>(call: string): Promise<T> {
    const id = ++this.#calls
    this.#program?.send({ id, call })
    const { reply } =
      (await this.#program?.next<{ id: number; reply: T }>((message) => message.id === id)) ?? {}
    return reply as T
  }

  async look(): Promise<{ leads: boolean; index: number }> {
    const { leads, index, ...answers } = await this.call<Answers & { leads: boolean; index: number }>('look')
    this.answers.set(this.#boot, answers)
    return { leads, index }
  }

  async stop(): Promise<void> {
    this.answers.set(this.#boot, await this.call<Answers>('stop'))
    await this.#program?.kill9()
  }

  async kill9(): Promise<void> {
    await this.look() // what it answers from here on is not known
    await this.#program?.kill9()
  }
}

/** What is wrong between what the callers of one process were told and what arrived. */
export function problemsOf({ acknowledged, refused }: Answers, arrived: Arrived | undefined): string[] {
  const { last, missing, repeated } = arrived ?? { last: 0, missing: [], repeated: 0 }
  const meet = ([a, b]: Range, [c, d]: Range) => a <= d && c <= b
  const lost = acknowledged.filter((range) => range[1] > last || missing.some((gap) => meet(range, gap)))
  const applied = refused.filter(([first, end]) => {
    const absent = missing
      .filter((gap) => meet(gap, [first, end]))
      .reduce((sum, gap) => sum + Math.min(gap[1], end) - Math.max(gap[0], first) + 1, 0)
    return Math.max(0, Math.min(end, last) - first + 1) > absent
  })
  return [
    ...(repeated > 0 ? [`${repeated} were applied again`] : []),
    ...lost.map((range) => `acknowledged and lost: ${range.join(' to ')}`),
    ...applied.map((range) => `refused and applied: ${range.join(' to ')}`),
  ]
}
