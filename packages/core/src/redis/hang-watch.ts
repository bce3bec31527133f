import { Worker } from 'node:worker_threads'
import type { Clock } from '../clock.js'
import type { Lease, LeaseGuard } from '../elect/lease.js'
import type { Warn } from '../events.js'
import type { ResolvedOptions } from '../options.js'
import { hangWatchThread } from './hang-watch-thread.generated.js'
import type { Keys } from './keys.js'
import { type LeaseAccess, accessOf, whyInaccessible } from './lease-access.js'
import type { LeaseNodes } from './lease-nodes.js'
import { scripts } from './scripts.generated.js'
import { cells, ThreadGuard, words } from './thread-guard.js'

/** So often in `hangAfterMs` does the watched thread give a sign, and the other look. */
const TICKS = 10

/** What the thread is told at its start. */
export interface ThreadSettings {
  readonly cells: typeof cells
  readonly words: typeof words
  readonly tickMs: number
  readonly ticks: number
  /** A connection that is mute for so long is given up. */
  readonly silentMs: number
  readonly nodes: readonly (LeaseAccess | undefined)[]
  readonly majority: number
  /** Shows that a node lets the thread in. */
  readonly probe: readonly string[]
}

/** The lease that the thread is to watch over. */
export interface Watch {
  /** See `cells`. */
  readonly shared: Int32Array
  /** The command that gives it back. */
  readonly giveBack: readonly string[]
}

/** What the thread is told later: where the nodes are now, or what to watch over; null for nothing. */
export type ThreadOrder =
  | { readonly nodes: readonly (LeaseAccess | undefined)[] }
  | { readonly watch: Watch | null }

/**
 * Has another thread give the lease back when this one hangs (G10). The thread is there before it is needed: its start uses
 * a CPU for 25 ms, and would do so when an instance has just been elected and all writes wait for it (measured: 10 ms of a
 * failover on two cores). It costs about 9 MB.
 *
 * Its code is a text, which is found in either build, from sources, and in a bundled app; a file beside this one is not.
 */
export class HangWatch {
  readonly #options: ResolvedOptions
  readonly #keys: Keys
  readonly #nodes: LeaseNodes
  readonly #warn: Warn
  readonly #clock: Clock
  #enabled = false
  #thread: Worker | undefined

  constructor(parts: {
    options: ResolvedOptions
    keys: Keys
    nodes: LeaseNodes
    warn: Warn
    clock: Clock
  }) {
    this.#options = parts.options
    this.#keys = parts.keys
    this.#nodes = parts.nodes
    this.#warn = parts.warn
    this.#clock = parts.clock
  }

  /** Looks whether a thread could do what is asked of it; where it could not, a leader that hangs is left to its lease. */
  open(): void {
    if (this.#options.hangAfterMs === 0) return
    const faults = this.#nodes.all.flatMap(({ commands, place }) => {
      const why = whyInaccessible(commands)
      return why === undefined ? [] : [`${place}: ${why}`]
    })
    this.#enabled = faults.length === 0
    if (!this.#enabled)
      this.#warn(
        'HANG_WATCH_OFF',
        `Nobody gives the lease back when the event loop hangs: another thread cannot connect to ${faults.join(', ')}. Set hangAfterMs to false if that is meant.`,
      )
    // Under Sentinel, and in a Cluster, a server that is reached again may be another one, at another address.
    for (const { commands } of this.#nodes.all)
      commands.on('ready', () => this.#tell({ nodes: this.#accesses() }))
    if (this.#options.eligible) this.#start()
  }

  /** See `LeaseStore.guard`. */
  guard(lease: Lease, gaveBack: () => void): LeaseGuard {
    if (!this.#enabled) return unguarded
    return new ThreadGuard({
      clock: this.#clock,
      beatMs: this.#options.hangAfterMs / TICKS,
      start: (shared) => this.#watchOver(lease, shared),
      gaveBack: (hungMs) => {
        gaveBack()
        this.#warn(
          'EVENT_LOOP_HUNG',
          `The event loop of this leader stood still for ${Math.round(hungMs)} ms. After hangAfterMs (${this.#options.hangAfterMs} ms) another thread gave the lease back, so that another instance could lead.`,
        )
      },
    })
  }

  /** Resolves when the thread does not run any more. */
  async close(): Promise<void> {
    const thread = this.#thread
    this.#enabled = false
    this.#thread = undefined
    await thread?.terminate()
  }

  /** Returns what ends it. */
  #watchOver({ value }: Lease, shared: Int32Array): () => void {
    const { lease: key, leaseNotices } = this.#keys
    this.#start()
    this.#tell({
      watch: { shared, giveBack: ['EVAL', scripts.giveBackLease, '1', key, value, leaseNotices] },
    })
    return () => this.#tell({ watch: null })
  }

  #tell(order: ThreadOrder): void {
    this.#thread?.postMessage(order)
  }

  #start(): void {
    if (!this.#enabled || this.#thread) return
    const { logger, hangAfterMs, leaseTtlMs } = this.#options
    const workerData: ThreadSettings = {
      cells,
      words,
      tickMs: hangAfterMs / TICKS,
      ticks: TICKS + 1, // a sign may have been due as the hang began: never before `hangAfterMs`
      silentMs: leaseTtlMs / 2,
      nodes: this.#accesses(),
      majority: this.#nodes.majority,
      probe: ['GET', this.#keys.lease],
    }
    try {
      // Nothing that is loaded into the app's own thread is wanted in this one; how TLS is spoken is.
      const execArgv = process.execArgv.filter((argument) => argument.startsWith('--tls-'))
      const thread = new Worker(hangWatchThread, { eval: true, workerData, execArgv })
      thread.unref()
      thread.on('error', (error) => logger.debug({ err: error }, 'the thread that watches the loop failed'))
      thread.on('exit', () => {
        if (this.#thread === thread) this.#thread = undefined // the next reign has a new one
      })
      this.#thread = thread
    } catch (error) {
      logger.debug({ err: error }, 'no thread can be started; a hang of the event loop is left to the lease')
    }
  }

  /** In the order of the nodes; without those that are not connected, where that is how they are found. */
  #accesses(): (LeaseAccess | undefined)[] {
    const name = `leasehold:${this.#options.group}:${this.#options.name}:lease-watch`
    return this.#nodes.all.map(({ commands }) => accessOf(commands, name))
  }
}

const unguarded: LeaseGuard = { gaveBack: false, end: () => {} }
