import { performance } from 'node:perf_hooks'

/** Monotonic milliseconds. The wall clock is of no use here: it can jump while a request waits. */
export function now(): number {
  return performance.now()
}

/** What time it is, in ms since 1970, to compare with a date that a reply names. */
export function wallClockMs(): number {
  return Date.now()
}

/**
 * Calls `fn` once after `ms`; the returned function cancels it.
 *
 * @param options.keepsAlive false if the process may end without waiting for it. Default true.
 */
export function after(ms: number, fn: () => void, options: { keepsAlive?: boolean } = {}): () => void {
  const timer = setTimeout(fn, ms)
  if (options.keepsAlive === false) timer.unref()
  return () => clearTimeout(timer)
}

/** `ms` spread over ±a third, so that requests that failed together do not come back together. */
export function jitter(ms: number): number {
  return ms * (2 / 3 + (2 / 3) * Math.random())
}
