import { join } from 'node:path'
import { eventually, within } from '../support/deadline.js'
import type { Instance } from '../support/instances.js'
import { type Exit, type OwnedProcess, own } from '../support/owned-process.js'

const VISIT = join(__dirname, '../../examples/bank/dist/visit.js')
const ENDS_WITHIN_MS = 45_000

/** The example's customer, in a process of its own. Made by `startVisit`. */
export class Visit {
  /** What it has said so far. */
  readonly lines: readonly string[]
  readonly #process: OwnedProcess

  constructor(process: OwnedProcess, lines: readonly string[]) {
    this.#process = process
    this.lines = lines
  }

  get running(): boolean {
    return this.#process.running
  }

  /** The name that the customer gave itself. */
  get customer(): string {
    return /^(maya-\w+) visits/.exec(this.lines[0] ?? '')?.[1] ?? ''
  }

  /** The terms in which its transfers were booked, in order. */
  get terms(): number[] {
    return this.lines.flatMap((line) => / in term (\d+);/.exec(line)?.[1] ?? []).map(Number)
  }

  /** Waits until it has said a line that begins so. */
  async says(beginning: string): Promise<void> {
    await eventually(() => this.lines.some((line) => line.startsWith(beginning)), {
      intervalMs: 1,
      message: `the visit to say "${beginning}"`,
    })
  }

  /** Waits for its end, and tells that with all that it has said. */
  async ended(): Promise<Exit & { last: string | undefined; stderr: string }> {
    try {
      await within(this.#process.closed, { timeoutMs: ENDS_WITHIN_MS, message: 'the visit to end' })
    } finally {
      await this.#process.kill9()
    }
    return { ...(await this.#process.exited), last: this.lines.at(-1), stderr: this.#process.stderr() }
  }
}

/** Starts a visit of the example's customer to these instances. Await its `ended`. */
export async function startVisit(instances: readonly Instance[], ...options: string[]): Promise<Visit> {
  const lines: string[] = []
  const args = [VISIT, ...options, ...instances.map(({ url }) => url)]
  return new Visit(await own(process.execPath, args, { onLine: (line) => lines.push(line) }), lines)
}
