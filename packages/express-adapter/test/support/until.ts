import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for a condition, and fails with `what` if it does not come about in time. */
export async function until(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`)
    await sleep(5)
  }
}
