import { setTimeout as sleepFor } from 'node:timers/promises'

/** Monotonic milliseconds. */
export function nowMs(): number {
  return performance.now()
}

/** Resolves after so many ms. */
export async function sleep(ms: number): Promise<void> {
  await sleepFor(ms)
}

/** A time in ms since 1970, as people and programs read it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

/** This machine's time of day, as `isoTime`. */
export function isoNow(): string {
  return new Date().toISOString()
}
