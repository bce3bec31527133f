import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './ask.js'
import type { Operation } from './history.js'
import { Plan } from './plan.js'
import { cookieSession, headerSession } from './session.js'

/** How a load runs. */
export interface LoadOptions {
  /** The instances that may be asked at the moment; asked before each request. */
  urls: () => readonly string[]
  /** Clients, each with one request at a time. */
  clients: number
  /** Decides who asks whom for what, so that two loads of one seed differ in timing only. */
  seed: number
  /** Number of the first client. Clients of two loads that are looked at together need numbers of their own. Default 0. */
  firstClient?: number
  /** So many lists, and so many registers, are the requests spread over. Default 4. */
  keys?: number
  /** Pause of a client between two requests. Default 5. */
  thinkMs?: number
  /** After this a request's outcome is unknown. Default 10 s. */
  timeoutMs?: number
}

/** A load that runs. Made by `startLoad`. */
export interface Load {
  /** What has been done so far. */
  readonly history: readonly Operation[]
  /** Lets each client end its request, and returns the whole history. */
  stop(): Promise<readonly Operation[]>
}

const running = new Set<Load>()

/** A refused client comes back after so long, so that it does not spin. */
const REFUSED_MS = 25

/**
 * Starts clients that push unique items to lists and list them, put and cas unique values and get them, each request
 * through whatever instance. Each client has a session, by turns that of a program and that of a browser; half of the reads
 * ask for no more than that, the others are linearizable.
 */
export function startLoad(options: LoadOptions): Load {
  const history: Operation[] = []
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal) // each client listens while it pauses
  const clients = Promise.all(
    Array.from({ length: options.clients }, (_, n) =>
      runClient((options.firstClient ?? 0) + n, options, history, stopping.signal),
    ),
  )
  const load: Load = {
    history,
    async stop() {
      stopping.abort()
      await clients
      running.delete(load)
      return history
    },
  }
  running.add(load)
  return load
}

/** How a steady load runs. */
export interface SteadyLoadOptions extends Omit<LoadOptions, 'clients' | 'thinkMs'> {
  /** Writes begun per second, whether the ones before have been answered or not. */
  perSecond: number
}

/** So often what is due is begun. */
const TICK_MS = 10
/** No more are under way at once: a machine that cannot keep up gets a load that it can bear. */
const MAX_UNDER_WAY = 150

/** Starts to push unique items to lists at a steady rate, each through another instance: what is slow holds nothing up. */
export function startSteadyLoad({
  urls,
  seed,
  perSecond,
  firstClient = 0,
  timeoutMs = 10_000,
  ...options
}: SteadyLoadOptions): Load {
  const history: Operation[] = []
  const underWay = new Set<Promise<unknown>>()
  const keys = loadKeys(options)
  const startedMs = performance.now()
  let begun = 0
  const begin = () => {
    const n = begun++
    const [asked, key] = [urls(), keys[n % keys.length] ?? 'k0']
    const write = { client: firstClient + n, kind: 'push', key, value: `${seed}-${n}` } as const
    const one = ask(asked[n % asked.length] ?? '', write, headerSession(), timeoutMs)
    const noted = one.then((operation) => void history.push(operation)).finally(() => underWay.delete(noted))
    underWay.add(noted)
  }
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond)
    for (let n = Math.min(due - begun, MAX_UNDER_WAY - underWay.size); n > 0; n--) begin()
  }, TICK_MS)
  const load: Load = {
    history,
    async stop() {
      clearInterval(timer)
      await Promise.all(underWay)
      running.delete(load)
      return history
    },
  }
  running.add(load)
  return load
}

/** Stops every load that this test file has started, also after a test that threw. */
export async function stopAllLoads(): Promise<void> {
  await Promise.all([...running].map((load) => load.stop()))
}

/** The keys that a load with these options uses, for lists and for registers: `k0`, `k1` … */
export function loadKeys({ keys = 4 }: Pick<LoadOptions, 'keys'> = {}): string[] {
  return Array.from({ length: keys }, (_, n) => `k${n}`)
}

async function runClient(
  client: number,
  options: LoadOptions,
  history: Operation[],
  stopping: AbortSignal,
): Promise<void> {
  const { thinkMs = 5, timeoutMs = 10_000 } = options
  const session = client % 2 === 0 ? headerSession() : cookieSession()
  const plan = new Plan(options.seed, client, loadKeys(options))
  while (!stopping.aborted) {
    const { url, asked } = plan.next(options.urls())
    const operation = url !== undefined && (await ask(url, asked, session, timeoutMs))
    if (operation) {
      history.push(operation)
      plan.learn(operation)
    }
    const refused = !operation || operation.outcome === 'failed'
    await sleep(refused ? REFUSED_MS : thinkMs, undefined, { signal: stopping }).catch(() => {})
  }
}
