import type { Server } from 'node:http'
import { OptionsError, type Logger } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { after } from './clock.js'
import { ServerDrain } from './server-drain.js'
import { markGone, markShuttingDown } from './shutting-down.js'

/** Options of `gracefulShutdown`. Durations are in milliseconds. */
export interface GracefulShutdownOptions {
  /** Signals that begin it. Default SIGTERM and SIGINT. */
  signals?: readonly NodeJS.Signals[]
  /**
   * How long to go on as usual while `/readyz` fails already, so that load balancers can stop sending. Default 0; in
   * Kubernetes about 5000.
   */
  delayMs?: number
  /** When connections that are still open are cut, counted from the signal. Default 10000. */
  deadlineMs?: number
  /**
   * Call `process.exit` if something still keeps the process alive at the deadline. Default false: the process ends when
   * nothing is left to do, and a handle that the app forgot to close keeps it.
   */
  exit?: boolean
  /** Where to log. Default: nowhere. */
  logger?: Logger
}

/**
 * Takes an instance down without losing a request, on SIGTERM or SIGINT: `/readyz` fails → `delayMs` → the node stops
 * and hands its lease over, while requests are still served or forwarded → the other instances learn of the next leader and
 * close their connections (2 s at most) → no new connections, idle ones closed → what is in flight ends → the process ends
 * with exit code 0 by having nothing left to do. Further signals change nothing; the deadline bounds it all.
 *
 * This is the only place where the library touches signals, and it does so only when called.
 *
 * @param closeRest what the framework has left to close when the last connection is closed
 * @returns a function that takes the signal handlers away again
 * @throws OptionsError that lists every problem
 */
export function gracefulShutdown(
  server: Server,
  node: AdapterNode,
  options: GracefulShutdownOptions = {},
  closeRest: () => unknown = () => {},
): () => void {
  const { signals = ['SIGTERM', 'SIGINT'], delayMs = 0, deadlineMs = 10_000, exit = false, logger } = options
  checkTimes(delayMs, deadlineMs)

  const drain = new ServerDrain(server)
  let begun = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (begun) return
    begun = true
    logger?.info({ signal }, 'shutting down')
    void shutDown(drain, node, { delayMs, deadlineMs, exit, logger })
      .then(closeRest)
      .catch((error: unknown) => logger?.error({ error }, 'not everything closed cleanly'))
      .then(() => {
        process.exitCode ??= 0
        logger?.info({ signal }, 'shut down')
      })
  }
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
    if (!begun) drain.release()
  }
}

/** What `process.exit` leaves to connections that were cut at the deadline. */
const EXIT_GRACE_MS = 100

type Steps = Required<Pick<GracefulShutdownOptions, 'delayMs' | 'deadlineMs' | 'exit'>> & {
  logger: Logger | undefined
}

async function shutDown(
  drain: ServerDrain,
  node: AdapterNode,
  { delayMs, deadlineMs, exit, logger }: Steps,
): Promise<void> {
  markShuttingDown(node)
  if (exit) after(deadlineMs + EXIT_GRACE_MS, () => process.exit(), { keepsAlive: false })
  let cancelDeadline = () => {}
  const deadline = new Promise<void>((resolve) => {
    cancelDeadline = after(deadlineMs, () => {
      logger?.warn({ deadlineMs }, 'cutting connections that are still open')
      drain.cut()
      resolve()
    })
  })

  await new Promise<void>((resolve) => after(delayMs, resolve))
  drain.announce()
  const stopped = node
    .stop()
    .catch((error: unknown) => logger?.error({ error }, 'the node did not stop cleanly'))
    .finally(() => markGone(node)) // from here on no leader will ever be known to it
  await Promise.race([stopped.then(() => drain.peersGone()), deadline])
  await drain.close()
  cancelDeadline()
}

function checkTimes(delayMs: number, deadlineMs: number) {
  const problems = Object.entries({ delayMs, deadlineMs })
    .filter(([, ms]) => !Number.isInteger(ms) || ms < 0)
    .map(([name, ms]) => `${name} is ${ms}: must be a whole number of ms, at least 0`)
  if (problems.length === 0 && delayMs >= deadlineMs)
    problems.push(`delayMs is ${delayMs}: must be below deadlineMs (${deadlineMs})`)
  if (problems.length > 0) throw new OptionsError(problems)
}
