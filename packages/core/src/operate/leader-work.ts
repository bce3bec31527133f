/** What a `whileLeader` function is given. */
export interface LeaderContext {
  /** Aborts when leadership ends. Stop then: another instance may already lead. */
  readonly signal: AbortSignal
  /** The fencing token: pass it to whatever you write to, and have that refuse a lower one than it has seen. */
  readonly term: number
}

/** The user's own work on the leader. */
export type LeaderFunction = (context: LeaderContext) => unknown

/** Runs the user's functions while this instance leads, one call per term. */
export class LeaderWork {
  readonly #functions = new Set<LeaderFunction>()
  readonly #running = new Set<Promise<void>>()
  readonly #onError: (error: unknown) => void
  #term: { readonly number: number; readonly ended: AbortController } | undefined

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Runs `fn` at each election from now on, and at once if a term is being served. The returned function ends that. */
  add(fn: LeaderFunction): () => void {
    const removed = new AbortController()
    const bound: LeaderFunction = ({ signal, term }) =>
      fn({ term, signal: AbortSignal.any([signal, removed.signal]) })
    this.#functions.add(bound)
    if (this.#term) this.#run(bound, this.#term)
    return () => {
      this.#functions.delete(bound)
      removed.abort()
    }
  }

  begin(term: number): void {
    this.#term = { number: term, ended: new AbortController() }
    for (const fn of this.#functions) this.#run(fn, this.#term)
  }

  end(): void {
    this.#term?.ended.abort()
    this.#term = undefined
  }

  /** Resolves when no function runs any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  #run(fn: LeaderFunction, { number, ended }: { number: number; ended: AbortController }): void {
    const run = Promise.resolve()
      .then(() => (ended.signal.aborted ? undefined : fn({ signal: ended.signal, term: number })))
      .then(
        () => {},
        (error: unknown) => {
          // Stopping because the signal said so is no error.
          if (!ended.signal.aborted) this.#onError(error)
        },
      )
      .finally(() => this.#running.delete(run))
    this.#running.add(run)
  }
}
