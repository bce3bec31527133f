import { changeFromLog } from './change-of.js'
import type { ChangeFeed } from './change-feed.js'
import type { AnyChange, ChangesOptions, ResetChange } from './changes.js'
import type { Entry } from '../log/entry.js'

/** How soon it looks again at a log that could not be read, or a replica that starts over. */
const RETRY_MS = 50

/** One reader of the changes: knows what it has seen, and is told what comes next. Ends by `end`, or when its user goes. */
export class ChangeReader implements AsyncIterableIterator<AnyChange, undefined> {
  readonly #feed: ChangeFeed
  readonly #options: ChangesOptions
  readonly #changes: AsyncGenerator<AnyChange, undefined>
  /** Index of the last entry that it has seen, and the life of the replica in which that stands. */
  #index: number
  #life: number
  #over = false
  #wake = () => {}

  constructor(feed: ChangeFeed, options: ChangesOptions) {
    this.#feed = feed
    this.#options = options
    this.#index = feed.replica.applier.index
    this.#life = feed.lives
    this.#changes = this.#run()
  }

  next(): Promise<IteratorResult<AnyChange, undefined>> {
    return this.#changes.next()
  }

  /** Ends it also while a `next` waits, as `break` and a destroyed stream do. */
  return(): Promise<IteratorResult<AnyChange, undefined>> {
    this.end()
    return this.#changes.return(undefined)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** There is nothing more to come. */
  readonly end = (): void => {
    this.#over = true
    this.#wake()
  }

  async *#run(): AsyncGenerator<AnyChange, undefined> {
    const { signal } = this.#options
    if (signal?.aborted) return
    signal?.addEventListener('abort', this.end)
    this.#feed.joined(this)
    try {
      await this.#begin()
      while (!this.#over) {
        // Here and not in a generator of its own: one that passes changes on costs as much as all else.
        while (this.#isCurrent && this.#feed.recent.has(this.#index + 1)) {
          const change = this.#feed.recent.at(++this.#index)
          if (change) yield change
        }
        yield* this.#next()
      }
    } finally {
      this.#feed.left(this)
      signal?.removeEventListener('abort', this.end)
    }
    return
  }

  async #begin(): Promise<void> {
    const { after } = this.#options
    const { replica } = this.#feed
    if (this.#over) return
    if (!after) return replica.assertReadable()
    await replica.reach(after)
    this.#index = after.index
    this.#life = this.#feed.lives
  }

  /** What is not in memory: from the log, or nothing yet. */
  async *#next(): AsyncGenerator<AnyChange, void> {
    const { replica, lives } = this.#feed
    if (this.#over) return
    if (this.#life !== lives) {
      if (isReadable(replica)) yield this.#reset()
      else await this.#rest(RETRY_MS)
    } else if (this.#index >= replica.applier.index) await this.#rest()
    else if (!this.#feed.recent.has(this.#index + 1)) yield* this.#fromLog()
  }

  /** What is in memory no more is in the log, unless that was trimmed. */
  async *#fromLog(): AsyncGenerator<AnyChange, void> {
    const before = this.#index
    const page = await this.#feed.page(before)
    if (!this.#isCurrent) return
    const { applier } = this.#feed.replica
    const { logId } = applier.position
    if (page?.logId === logId) {
      if (page.first > before + 1) return yield this.#reset()
      for (const entry of page.entries) {
        if (!this.#isNext(entry)) break
        this.#index = entry.index
        const change = changeFromLog(entry, applier, logId)
        if (change) yield change
        if (!this.#isCurrent) return
      }
    }
    if (this.#index === before) await this.#rest(RETRY_MS) // out of reach, or it lost what the replica has
  }

  get #isCurrent(): boolean {
    return !this.#over && this.#life === this.#feed.lives
  }

  /** Whether an entry of the log is the one that the replica has applied there, and not in memory, where more is known of it. */
  #isNext({ index, term }: Entry): boolean {
    const { recent, replica } = this.#feed
    const { applier } = replica
    if (index !== this.#index + 1 || index > applier.index || recent.has(index)) return false
    return applier.table.ownerOf(index)?.term === term
  }

  #reset(): ResetChange {
    const { position } = this.#feed.replica.applier
    this.#index = position.index
    this.#life = this.#feed.lives
    return { type: 'reset', position }
  }

  /** Until something has happened, or after `ms`. */
  async #rest(ms?: number): Promise<void> {
    if (this.#over) return
    const { clock } = this.#feed
    await new Promise<void>((resolve) => {
      const forget = this.#feed.onceChanged(() => this.#wake())
      const cancel = ms === undefined ? () => {} : clock.timer(ms, () => this.#wake())
      this.#wake = () => {
        forget()
        cancel()
        this.#wake = () => {}
        resolve()
      }
    })
  }
}

function isReadable(replica: ChangeFeed['replica']): boolean {
  try {
    replica.assertReadable()
    return true
  } catch {
    return false
  }
}
