import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'

/** How long a test waits by default. Generous: it is reached only when something is broken. */
export const PATIENCE_MS = 20_000

/** What `eventually` returns: the checked value without the values that mean "not yet". */
export type Truthy<T> = Exclude<T, undefined | null | false | 0 | ''>

/**
 * Calls `check` until it returns something truthy, and returns that. A check that throws or hangs counts as "not yet".
 *
 * @throws Error after `timeoutMs`, with the last value or error, and `message` to say what was waited for.
 * @example
 * ```ts
 * const leader = await eventually(() => nodes.find((node) => node.isLeader), { message: 'a leader' })
 * ```
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: { timeoutMs?: number; intervalMs?: number; message?: string } = {},
): Promise<Truthy<T>> {
  const { timeoutMs = PATIENCE_MS, intervalMs = 10, message = 'the condition' } = options
  const deadlineMs = performance.now() + timeoutMs
  const hung = new Error('the check hung')
  let last: { value: unknown } | { error: unknown } | undefined
  for (;;) {
    const leftMs = deadlineMs - performance.now()
    if (leftMs <= 0) break
    try {
      const value = await bounded(check(), leftMs, hung)
      if (value) return value as Truthy<T>
      last = { value }
    } catch (error) {
      // The last check is cut off by the deadline, perhaps at once; what the one before saw tells more.
      if (error !== hung || !last) last = { error }
    }
    await sleep(Math.min(intervalMs, Math.max(0, deadlineMs - performance.now())))
  }
  const waited = `Waited ${timeoutMs} ms for ${message}`
  if (last && 'error' in last)
    throw new Error(`${waited}; last error: ${say(last.error)}`, { cause: last.error })
  throw new Error(`${waited}; last value: ${inspect(last?.value)}`)
}

/**
 * Settles as `promise` does.
 *
 * @throws Error after `timeoutMs`; `message` says what was waited for.
 */
export async function within<T>(
  promise: Promise<T>,
  options: { timeoutMs?: number; message?: string } = {},
): Promise<T> {
  const { timeoutMs = PATIENCE_MS, message = 'the promise' } = options
  return bounded(promise, timeoutMs, new Error(`Waited ${timeoutMs} ms for ${message}`))
}

/** Anything with `on` and `off`, whatever the types of its events. */
export interface Emitter {
  on(event: never, listener: never): unknown
  off(event: never, listener: never): unknown
}

/**
 * Resolves with the arguments of the next `event`, or of the next one for which `where` holds. Name the arguments'
 * types at the call.
 *
 * @throws Error if no such event came within `timeoutMs`; it says how many others did.
 * @example
 * ```ts
 * const [{ term }] = await once<[{ term: number }]>(node, 'elected')
 * ```
 */
export async function once<A extends unknown[] = unknown[]>(
  emitter: Emitter,
  event: string,
  options: { timeoutMs?: number; where?: (...args: A) => boolean } = {},
): Promise<A> {
  const { timeoutMs = PATIENCE_MS, where = () => true } = options
  return new Promise<A>((resolve, reject) => {
    let others = 0
    const settle = (act: () => void) => {
      clearTimeout(timer)
      emitter.off(event as never, listener as never)
      act()
    }
    const listener = (...args: A) => {
      try {
        if (where(...args)) settle(() => resolve(args))
        else others++
      } catch (error) {
        settle(() => reject(error))
      }
    }
    const timer = setTimeout(
      () =>
        settle(() => reject(new Error(`Waited ${timeoutMs} ms for event "${event}"; ${others} others came`))),
      timeoutMs,
    )
    emitter.on(event as never, listener as never)
  })
}

/** Promises are known by `then`: under Jest those of fetch and others are of another realm, and no `Promise` here. */
function bounded<T>(value: T | Promise<T>, timeoutMs: number, late: Error): T | Promise<T> {
  if (!(value && typeof value === 'object' && 'then' in value)) return value
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(late), timeoutMs)
    value.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function say(error: unknown): string {
  const { message } = Object(error) as { message?: unknown }
  return typeof message === 'string' ? message : inspect(error)
}
