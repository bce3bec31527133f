import { Queue, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { aborted, type Clock, settledWithin } from '../clock.js'
import { LeaseholdError } from '../errors.js'
import type { Logger } from '../observe/logger.js'
import type { ResolvedOptions } from '../options.js'
import {
  type Acknowledgement,
  jobIdOf,
  type JobTransport,
  type RangeNotice,
} from '../replicate/job-transport.js'
import {
  commandOptions,
  connect,
  createClient,
  type Duty,
  placeOf,
  subscriberOptions,
  workerOptions,
} from './connections.js'
import type { Keys } from './keys.js'
import { presentOn } from './presence.js'

/** A finished job leaves nothing behind, and a failed one is not tried again: the next one covers it. */
export const JOB_OPTIONS = { removeOnComplete: true, removeOnFail: true, attempts: 1 } as const

/** Short locks and checks, so that a job of a paused follower is taken up again soon; the handler itself is idempotent. */
export const WORKER_OPTIONS = {
  concurrency: 1,
  lockDuration: 10_000,
  stalledInterval: 2000,
  maxStalledCount: 1000,
  runRetryDelay: 200,
  drainDelay: 2,
} as const

/** BullMQ writes an event per transition into a stream that cannot be switched off; nobody reads it. */
const EVENTS_KEPT = 100
const CLOSE_TIMEOUT_MS = 1000

/** Notices as BullMQ jobs, one queue per follower and boot; acknowledgements over pub/sub. */
export class BullmqTransport implements JobTransport {
  readonly #keys: Keys
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #pushClient: Redis
  readonly #workerClient: Redis
  readonly #subscriber: Redis
  readonly #queues = new Map<string, Queue>()
  readonly #listeners = new Set<(acknowledgement: Acknowledgement) => void>()
  #worker: Worker | undefined
  #id = ''

  constructor(options: ResolvedOptions, keys: Keys, clock: Clock) {
    const client = (duty: Duty, name: string) =>
      createClient(options.redis, duty, `leasehold:${options.group}:${options.name}:${name}`)
    this.#keys = keys
    this.#clock = clock
    this.#logger = options.logger
    this.#pushClient = client(commandOptions(options.commandTimeoutMs), 'jobs')
    this.#workerClient = client(workerOptions(), 'worker')
    this.#subscriber = client(subscriberOptions(), 'acknowledgements')
  }

  get prefix(): string {
    return this.#keys.jobs
  }

  async open(
    id: string,
    receive: (notice: RangeNotice) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    this.#id = id
    this.#subscriber.on('message', (channel, message) => {
      if (channel !== this.#keys.acknowledgements) return
      const acknowledgement = readAcknowledgement(message)
      if (acknowledgement) for (const listener of this.#listeners) listener(acknowledgement)
    })
    this.#subscriber.on('ready', () => {
      this.#subscriber.subscribe(this.#keys.presence(id)).catch(() => {})
      if (this.#listeners.size > 0) this.#listen()
    })
    await Promise.all([
      connect(this.#pushClient, signal),
      connect(this.#workerClient, signal),
      connect(this.#subscriber, signal),
    ])
    this.#worker = new Worker<RangeNotice>(id, ({ data }) => receive(data), {
      ...WORKER_OPTIONS,
      connection: this.#workerClient,
      prefix: this.#keys.jobs,
      skipVersionCheck: true, // ours is stricter, and can do without INFO
    })
    this.#worker.on('error', (error) =>
      this.#logger.debug({ err: error }, 'the job worker has trouble; it goes on'),
    )
    await Promise.race([this.#worker.waitUntilReady(), aborted(signal).then(() => this.#refuseLate())])
  }

  async push(to: string, notice: RangeNotice): Promise<void> {
    this.#mustReach()
    await this.#queue(to).add('range', notice, {
      ...JOB_OPTIONS,
      jobId: jobIdOf(notice),
    })
  }

  async acknowledge(acknowledgement: Acknowledgement): Promise<void> {
    const text = JSON.stringify(acknowledgement)
    await this.#pushClient.publish(this.#keys.acknowledgements, text).catch(() => {})
  }

  onAcknowledged(listener: (acknowledgement: Acknowledgement) => void): () => void {
    this.#listeners.add(listener)
    if (this.#subscriber.status === 'ready') this.#listen()
    return () => {
      this.#listeners.delete(listener)
      // What every follower says reaches whoever listens: with many instances that would be most of what Redis sends.
      if (this.#listeners.size === 0)
        this.#subscriber.unsubscribe(this.#keys.acknowledgements).catch(() => {})
    }
  }

  present(): Promise<string[]> {
    return presentOn(this.#pushClient, this.#keys)
  }

  pushedTo(): Iterable<string> {
    return this.#queues.keys()
  }

  async queued(): Promise<number | undefined> {
    const worker = this.#worker
    if (!worker) return undefined
    this.#mustReach()
    const lengths = ['wait', 'active'].map((list) => this.#pushClient.llen(worker.toKey(list)))
    return (await Promise.all(lengths)).reduce((sum, length) => sum + length, 0)
  }

  async remove(id: string): Promise<void> {
    this.#mustReach()
    const queue = this.#queue(id)
    this.#queues.delete(id) // a push meanwhile makes another one, which is not forgotten
    try {
      await queue.obliterate({ force: true })
    } catch (error) {
      this.#queue(id) // not removed yet
      throw error
    } finally {
      await queue.close()
    }
  }

  async close(): Promise<void> {
    const inReach = this.#workerClient.status === 'ready'
    if (this.#worker) {
      // By force: a plain close never returns where the blocking connection is lost, and a second call gets the promise
      // of the first. A job that is under way is of no use any more, and its queue goes with it.
      await settledWithin(this.#clock, this.#worker.close(true), CLOSE_TIMEOUT_MS)
      if (inReach) await settledWithin(this.#clock, this.remove(this.#id), CLOSE_TIMEOUT_MS)
    }
    for (const queue of this.#queues.values()) queue.close().catch(() => {})
    this.#queues.clear()
    for (const client of [this.#pushClient, this.#workerClient, this.#subscriber]) client.disconnect()
  }

  /** The worker has a connection of its own, on which it waits for jobs. */
  #refuseLate(): never {
    throw new LeaseholdError(
      'REDIS_UNREACHABLE',
      `Redis at ${placeOf(this.#workerClient.options)} cannot be reached by the worker that waits for jobs`,
      { retryable: true },
    )
  }

  /** If that fails the connection is lost, and it is said again on the next one. */
  #listen(): void {
    this.#subscriber.subscribe(this.#keys.acknowledgements).catch(() => {})
  }

  /** BullMQ would wait, for however long, and then write: perhaps into a queue that was swept meanwhile. */
  #mustReach(): void {
    if (this.#pushClient.status !== 'ready') throw new Error("The jobs' Redis is out of reach")
  }

  #queue(id: string): Queue {
    let queue = this.#queues.get(id)
    if (!queue) {
      queue = new Queue(id, {
        connection: this.#pushClient,
        prefix: this.#keys.jobs,
        skipVersionCheck: true,
        streams: { events: { maxLen: EVENTS_KEPT } },
      })
      queue.on('error', (error) => this.#logger.debug({ err: error, queue: id }, 'a job queue has trouble'))
      this.#queues.set(id, queue)
    }
    return queue
  }
}

/** Undefined for what no instance of ours has sent: anybody may publish. */
function readAcknowledgement(message: string): Acknowledgement | undefined {
  try {
    const value = JSON.parse(message) as Partial<Acknowledgement> | null
    return typeof value?.id === 'string' && typeof value.index === 'number'
      ? (value as Acknowledgement)
      : undefined
  } catch {
    return undefined
  }
}
