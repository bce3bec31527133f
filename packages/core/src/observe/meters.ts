import { CHANGE_REASONS, WARNING_CODES } from '../events.js'

/** Bounds in ms, for what takes a round trip or a few. */
const FAST_MS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500]
/** Bounds in ms, for what others wait for. */
const SLOW_MS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000]
const ENTRIES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/**
 * What is counted, each by the values of one label, or by none (`''`). Values that are known are there from the start, at 0:
 * whoever watches for an increase sees the first one, too.
 */
const COUNTS = {
  /** Terms that this instance began to serve, by why the one before had ended; `none`: nobody had led. */
  elections: ['none', ...CHANGE_REASONS],
  /** Those of them that were unplanned, and in which somebody else had led just before. */
  failovers: ['expired', 'deposed', 'fenced', 'disconnected', 'hung'],
  /** Terms of this instance that ended, by why. */
  demotions: ['stopped', 'expired', 'fenced', 'disconnected', 'switchover'],
  /**
   * Batches of writes that were sent to the log, by what became of them; `lost`: no reply came; `mismatch`: the log did not take
   * the batch before, so this one goes again.
   */
  appends: ['appended', 'fenced', 'mismatch', 'moved', 'refused', 'lost'],
  appendedEntries: [''],
  appendedBytes: [''],
  /** Writes that got the first result of their operation id, on this instance. */
  replays: [''],
  /** Renewals of the lease; `failed`: Redis did not answer, and it is tried again. */
  renewals: ['renewed', 'failed', 'lost'],
  /** The replica was off the log's history. */
  diverged: [''],
  /** Entries that it had then, and the log had not. */
  divergedEntries: [''],
  /** This replica computed something else than the others. */
  differed: [''],
  /** The log had lost entries that this replica has. */
  logLost: [''],
  snapshots: ['taken', 'loaded', 'failed'],
  /** By their codes; one that is an error's appears when it occurs. */
  warnings: WARNING_CODES as readonly string[],
  /** Requests that an adapter sent to the leader: each try, by what came of it. */
  forwardedRequests: ['answered', 'refused', 'unknown'],
  /** Requests that waited for a leader, by how that ended; `full`: there was no room for more. */
  heldRequests: ['released', 'expired', 'full', 'gone'],
  /** Requests that were sent a second time, or more often, by what their client got. */
  resentRequests: ['answered', 'no_leader', 'unknown', 'gone', 'failed'],
} as const satisfies Record<string, readonly string[]>

/** What is measured as a distribution, with its bounds. */
const DISTRIBUTIONS = {
  /** The append script, of each batch, in ms. */
  append: FAST_MS,
  /** T_request of the write in each batch that waited longest, in ms. */
  request: FAST_MS,
  /** Entries in a batch. */
  batch: ENTRIES,
  /** T_copy, of each batch whose copying was timed, in ms. */
  copy: FAST_MS,
  /** T_recover, of each change of leader to this instance, in ms. */
  recover: SLOW_MS,
  /** A renewal of the lease, in ms. */
  renew: FAST_MS,
  /** To take and store a snapshot, in ms. */
  snapshotTaking: SLOW_MS,
  /** To read and load one, in ms. */
  snapshotLoading: SLOW_MS,
} as const satisfies Record<string, readonly number[]>

/** Names of what is counted. */
export type CountName = keyof typeof COUNTS
/** Names of what is measured as a distribution. */
export type DistributionName = keyof typeof DISTRIBUTIONS
type ValueOf<N extends CountName> = (typeof COUNTS)[N][number]

/** How often something had which size. */
export interface Distribution {
  /** Upper bounds, rising. */
  readonly bounds: readonly number[]
  /** How many were within each bound and above the one before; the last one counts those above all. */
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

/** Everything counted so far, by the values of its label. */
export type Counts = Readonly<Record<CountName, Readonly<Record<string, number>>>>
/** Everything measured so far. */
export type Distributions = Readonly<Record<DistributionName, Distribution>>

interface Buckets {
  readonly counts: number[]
  sum: number
  count: number
}

/**
 * What an instance counts and measures of itself while it works: plain numbers that only grow, told nobody. Nothing here
 * is done for each write; a batch of them costs a few additions.
 */
export class Meters {
  readonly #counts = new Map<CountName, Map<string, number>>()
  readonly #buckets = new Map<DistributionName, Buckets>()
  /** Bytes of the last snapshot that was taken, or loaded. */
  readonly snapshotBytes: { taken: number | undefined; loaded: number | undefined } = {
    taken: undefined,
    loaded: undefined,
  }
  /** Requests that wait for a leader at this moment. */
  waitingRequests = 0

  constructor() {
    for (const [name, values] of Object.entries(COUNTS))
      this.#counts.set(name as CountName, new Map(values.map((value) => [value, 0])))
    for (const [name, bounds] of Object.entries(DISTRIBUTIONS))
      this.#buckets.set(name as DistributionName, {
        counts: Array.from({ length: bounds.length + 1 }, () => 0),
        sum: 0,
        count: 0,
      })
  }

  /** Counts `n` more. */
  count<N extends CountName>(name: N, value: ValueOf<N>, n = 1): void {
    const counts = this.#counts.get(name)
    counts?.set(value, (counts.get(value) ?? 0) + n)
  }

  /** Adds one more to a distribution. */
  observe(name: DistributionName, size: number): void {
    const buckets = this.#buckets.get(name)
    if (!buckets) return
    const bounds: readonly number[] = DISTRIBUTIONS[name]
    const at = bounds.findIndex((bound) => size <= bound)
    const place = at === -1 ? bounds.length : at
    buckets.counts[place] = (buckets.counts[place] ?? 0) + 1
    buckets.sum += size
    buckets.count++
  }

  /** A copy of all counts. */
  get counts(): Counts {
    const entries = [...this.#counts].map(([name, counts]) => [name, Object.fromEntries(counts)] as const)
    return Object.fromEntries(entries) as unknown as Counts
  }

  /** A copy of all distributions. */
  get distributions(): Distributions {
    const entries = [...this.#buckets].map(([name, { counts, sum, count }]) => {
      const distribution: Distribution = { bounds: DISTRIBUTIONS[name], counts: [...counts], sum, count }
      return [name, distribution] as const
    })
    return Object.fromEntries(entries) as Record<DistributionName, Distribution>
  }
}
