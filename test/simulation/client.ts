import type { Position } from '@leasehold/core'
import { pickOf } from '../../packages/core/src/testing/seeded-random.js'
import { inWords, type Operation } from '../support/history.js'
import type { Stores, StoresGroup, StoresInstance } from './stores.js'

/** A client gives up waiting for an answer after so long. */
const ANSWER_MS = 1500
const THINK_MS = 40
const MOST_ATTEMPTS = 6
const KEYS = ['a', 'b']

/** Tells what happens to whoever traces it: the text is made for nobody else. */
export type Tell = (line: () => string) => void

type Question = Pick<Operation, 'kind' | 'key' | 'value'> & Partial<Pick<Operation, 'expect'>>
type Answer = Pick<Operation, 'outcome' | 'reason'> &
  Partial<Pick<Operation, 'value' | 'present' | 'position' | 'index' | 'term' | 'consistency'>>

/**
 * A client of the group, with one request at a time. It asks any instance, and that passes a write on to the leader it
 * knows. What has no good answer is asked again, with the same operation id, as the Express adapter does; at times the
 * client gives up.
 */
export class Client {
  readonly history: Operation[] = []
  readonly #number: number
  readonly #group: StoresGroup
  readonly #random: () => number
  readonly #tell: Tell
  #position: Position | undefined
  #made = 0

  constructor(number: number, group: StoresGroup, random: () => number, tell: Tell) {
    this.#number = number
    this.#group = group
    this.#random = random
    this.#tell = tell
  }

  async run(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await this.#group.sleep(this.#random() * THINK_MS)
      const question = this.#question()
      const startMs = this.#group.nowMs
      const isRead = question.kind === 'list' || question.kind === 'get'
      const answer = await (isRead ? this.#read(question) : this.#write(question))
      const endMs = this.#group.nowMs
      const operation = {
        ...{ client: this.#number, url: '', status: undefined, startMs, endMs },
        ...question,
        ...answer,
      }
      this.history.push(operation)
      const { reason = `ok at ${operation.index}, term ${operation.term}` } = operation
      this.#tell(() => `${inWords(operation)}: ${reason}`)
    }
  }

  #question(): Question {
    const kind = this.#pick(['push', 'push', 'put', 'cas', 'list', 'get'] as const)
    const key = this.#pick(KEYS)
    const value = `${this.#number}.${++this.#made}`
    if (kind !== 'cas') return { kind, key, value }
    const puts = this.history.filter((one) => one.kind === 'put' && one.key === key)
    return { kind, key, value, expect: puts.length === 0 ? null : this.#pick(puts).value }
  }

  async #write({ kind, ...args }: Question): Promise<Answer> {
    const opId = `${this.#number}-${this.#made}`
    let mayHaveRun = false
    for (let attempt = 1; ; attempt++) {
      const asked = this.#pick(this.#group.instances)
      const submit = this.#leaderKnownTo(asked).then((leader) =>
        leader.request(async (node) => {
          const committed = await node.submit(kind as 'push', args as never, { opId })
          return { ...committed, logId: node.position.logId }
        }),
      )
      try {
        const { result, index, term, logId } = await this.#inTime(submit)
        this.#position = { logId, index, term }
        const found = result as unknown as { found: string | null } | undefined
        return {
          ...{ outcome: 'ok', reason: undefined, index, term },
          ...(kind === 'push' && { position: result }),
          ...(kind === 'cas' && found && { present: found.found }),
        }
      } catch (error) {
        const { code = 'LOST', retryable = false } = error as { code?: string; retryable?: boolean }
        mayHaveRun ||= !retryable
        const givesUp = attempt === MOST_ATTEMPTS || this.#random() < 0.1
        if (givesUp) return { outcome: mayHaveRun ? 'unknown' : 'failed', reason: code }
        await this.#group.sleep(this.#random() * 200)
      }
    }
  }

  async #read({ kind, key }: Question): Promise<Answer> {
    const consistency = this.#pick(['session', 'linearizable'] as const)
    const position = this.#position
    const look = ({ lists, registers }: Stores) => {
      const list = lists[key] ?? []
      return kind === 'get'
        ? { value: registers[key] ?? null }
        : { value: list.at(-1) ?? null, position: list.length }
    }
    const asked = this.#pick(this.#group.instances)
    try {
      const { seen, ...answer } = await this.#inTime(
        asked.request((node) =>
          node.readAt({ consistency, ...(position && { position }) }, (state, { index, term }) => ({
            ...{ ...look(state), index, term },
            seen: node.position,
          })),
        ),
      )
      this.#position = seen
      return { outcome: 'ok', reason: undefined, consistency, ...answer }
    } catch (error) {
      const { code = 'LOST' } = error as { code?: string }
      // What it had seen is gone for good: it begins anew, as a browser does whose cookie is cleared.
      if (code === 'LINEAGE_LOST') this.#position = undefined
      return { outcome: 'failed', reason: code, consistency, value: null }
    }
  }

  async #leaderKnownTo(asked: StoresInstance): Promise<StoresInstance> {
    const id = await asked.request(({ leader }) => leader?.id)
    return this.#group.instances.find(({ running, node }) => running && node.id === id) ?? asked
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    const late = this.#group.sleep(ANSWER_MS).then(() => Promise.reject(new Error('no answer')))
    return Promise.race([answer, late])
  }

  #pick<T>(list: readonly T[]): T {
    return pickOf(this.#random, list)
  }
}
