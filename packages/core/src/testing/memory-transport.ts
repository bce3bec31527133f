import { Bell } from '../clock.js'
import {
  type Acknowledgement,
  jobIdOf,
  type JobTransport,
  type RangeNotice,
} from '../replicate/job-transport.js'
import { MemoryClient } from './memory-client.js'
import { presenceOf } from './memory-lease-store.js'
import type { TestProcess } from './test-process.js'
import type { Wire } from './wire.js'

const ACKNOWLEDGEMENTS = 'acknowledgements'
/** A worker looks at least so often, as one that waits in Redis does. */
const LOOK_MS = 2000

/** Notices as jobs in a Redis in memory, one at a time for each instance; acknowledgements over its pub/sub. */
export class MemoryTransport implements JobTransport {
  readonly prefix = 'jobs'
  readonly #process: TestProcess
  readonly #client: MemoryClient
  readonly #listeners = new Set<(acknowledgement: Acknowledgement) => void>()
  readonly #pushedTo = new Set<string>()
  readonly #over = new AbortController()
  readonly #bell = new Bell()
  #working: Promise<void> = Promise.resolve()
  #id = ''

  constructor(wire: Wire, timeoutMs: number) {
    this.#process = wire.process
    this.#client = new MemoryClient(wire, timeoutMs)
  }

  async open(
    id: string,
    receive: (notice: RangeNotice) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    this.#id = id
    this.#client.onReady(() => {
      const { connection } = this.#client
      connection?.subscribe(presenceOf(id), () => {}).catch(() => {})
      connection?.subscribe(jobsOf(id), () => this.#bell.ring()).catch(() => {})
      if (this.#listeners.size > 0) this.#listen()
      this.#bell.ring()
    })
    await this.#client.open(signal)
    this.#working = this.#work(receive)
  }

  async push(to: string, notice: RangeNotice): Promise<void> {
    this.#pushedTo.add(to)
    await this.#client.call('push', (redis) => {
      const { data } = redis
      const jobs = data.jobs.get(to) ?? new Map<string, RangeNotice>()
      jobs.set(jobIdOf(notice), notice)
      data.jobs.set(to, jobs)
      redis.publish(jobsOf(to), '')
    })
  }

  async acknowledge(acknowledgement: Acknowledgement): Promise<void> {
    const text = JSON.stringify(acknowledgement)
    await this.#client.call('acknowledge', (redis) => redis.publish(ACKNOWLEDGEMENTS, text)).catch(() => {})
  }

  onAcknowledged(listener: (acknowledgement: Acknowledgement) => void): () => void {
    this.#listeners.add(listener)
    this.#listen()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#client.connection?.unsubscribe(ACKNOWLEDGEMENTS).catch(() => {})
    }
  }

  async present(): Promise<string[]> {
    const channels = await this.#client.call('present', (redis) => redis.channels(presenceOf('')))
    return channels.map((channel) => channel.slice(presenceOf('').length))
  }

  pushedTo(): Iterable<string> {
    return this.#pushedTo
  }

  queued(): Promise<number> {
    return this.#client.call('queued', ({ data }) => data.jobs.get(this.#id)?.size ?? 0)
  }

  async remove(id: string): Promise<void> {
    await this.#client.call('removeJobs', ({ data }) => data.jobs.delete(id))
    this.#pushedTo.delete(id)
  }

  async close(): Promise<void> {
    this.#over.abort()
    await this.#working
    await this.remove(this.#id).catch(() => {})
    this.#client.close()
  }

  #listen(): void {
    this.#client.connection
      ?.subscribe(ACKNOWLEDGEMENTS, (text) => {
        for (const listener of this.#listeners) listener(JSON.parse(text) as Acknowledgement)
      })
      .catch(() => {})
  }

  async #work(receive: (notice: RangeNotice) => Promise<void>): Promise<void> {
    const { signal } = this.#over
    while (!signal.aborted) {
      const notice = await this.#client
        .call('takeJob', ({ data }) => {
          const jobs = data.jobs.get(this.#id)
          const [first] = jobs ?? []
          if (!first) return undefined
          jobs?.delete(first[0])
          return first[1]
        })
        .catch(() => undefined)
      if (signal.aborted) return
      if (notice) await receive(notice)
      else await this.#bell.wait(this.#process, LOOK_MS, signal)
    }
  }
}

function jobsOf(id: string): string {
  return `jobs:${id}`
}
