import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Operation, Outcome } from './history.js'
import { seededRandom } from './random.js'

/** How a load runs. */
export interface LoadOptions {
  /** The instances that may be asked at the moment; asked before each request. */
  urls: () => readonly string[]
  /** Clients, each with one request at a time. */
  clients: number
  /** Decides who asks whom for what, so that two loads of one seed differ in timing only. */
  seed: number
  /** Lists and keys that the requests are spread over. Default 4. */
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

/** A refused client comes back after so long, so that it does not spin. */
const REFUSED_MS = 25

/** Starts clients that push unique items to lists, put unique values and get them, through whatever instance. */
export function startLoad(options: LoadOptions): Load {
  const history: Operation[] = []
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal) // each client listens while it pauses
  const clients = Promise.all(
    Array.from({ length: options.clients }, (_, client) =>
      runClient(client, options, history, stopping.signal),
    ),
  )
  return {
    history,
    async stop() {
      stopping.abort()
      await clients
      return history
    },
  }
}

/** The keys that a load with these options uses: `k0`, `k1` … */
export function loadKeys({ keys = 4 }: Pick<LoadOptions, 'keys'> = {}): string[] {
  return Array.from({ length: keys }, (_, n) => `k${n}`)
}

async function runClient(
  client: number,
  options: LoadOptions,
  history: Operation[],
  stopping: AbortSignal,
): Promise<void> {
  const random = seededRandom(options.seed * 1_000 + client)
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]
  const keys = loadKeys(options)
  for (let n = 0; !stopping.aborted; n++) {
    const kind = pick(['push', 'push', 'put', 'get'] as const) ?? 'get'
    const key = pick(keys) ?? 'k0'
    const url = pick(options.urls())
    const operation =
      url &&
      (await request(url, { client, kind, key, value: `${options.seed}-${client}-${n}` }, options.timeoutMs))
    if (operation) history.push(operation)
    const refused = !operation || operation.outcome === 'failed'
    await sleep(refused ? REFUSED_MS : (options.thinkMs ?? 5), undefined, { signal: stopping }).catch(
      () => {},
    )
  }
}

async function request(
  url: string,
  what: Pick<Operation, 'client' | 'kind' | 'key' | 'value'>,
  timeoutMs = 10_000,
): Promise<Operation> {
  const { kind, key, value } = what
  const path = kind === 'push' ? `/list/${key}` : `/kv/${key}`
  const init = {
    push: { method: 'POST', body: JSON.stringify({ item: value }) },
    put: { method: 'PUT', body: JSON.stringify({ value }) },
    get: { method: 'GET' },
  }[kind]
  const startMs = performance.now()
  const ended = (
    outcome: Outcome,
    status: number | undefined,
    reason: string | undefined,
    more = {},
  ): Operation => ({
    ...what,
    value: kind === 'get' ? undefined : value,
    ...more,
    url,
    startMs,
    endMs: performance.now(),
    outcome,
    status,
    reason,
  })
  try {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url + path, { ...init, headers, signal: AbortSignal.timeout(timeoutMs) })
    const body = parseBody(await response.text())
    const { status } = response
    if (status === 200 || (status === 404 && kind === 'get'))
      return ended('ok', status, undefined, resultOf(kind, body))
    const code = body.error?.code
    // Only a refusal of Leasehold's own is proof that nothing was written; a 500 is not.
    return ended(
      status === 503 && code !== undefined && code !== 'OUTCOME_UNKNOWN' ? 'failed' : 'unknown',
      status,
      code,
    )
  } catch (error) {
    const reason = reasonOf(error)
    // Nobody listens, so nothing was sent. After any other failure the request may have arrived.
    return ended(reason === 'ECONNREFUSED' ? 'failed' : 'unknown', undefined, reason)
  }
}

interface ReplyBody {
  value?: unknown
  position?: number
  index?: number
  term?: number
  error?: { code?: string }
}

/** A reply of something else than Leasehold need not be JSON. */
function parseBody(text: string): ReplyBody {
  try {
    return JSON.parse(text) as ReplyBody
  } catch {
    return {}
  }
}

function resultOf(kind: Operation['kind'], { value, position, index, term }: ReplyBody): Partial<Operation> {
  if (kind === 'get') return { value, ...(index !== undefined && { index }) }
  const found = { position, index, term }
  return Object.fromEntries(Object.entries(found).filter(([, field]) => field !== undefined))
}

/** fetch hides the reason in `cause`. No instanceof: under Jest its errors are of another realm. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown }
  const { code, name } = cause as { code?: unknown; name?: unknown }
  return String(typeof code === 'string' ? code : name)
}
