import { isRead, type Operation, type Outcome } from './history.js'
import type { Session } from './session.js'

/** What a client is about to do. A write names what it writes. */
export type Asked = Pick<Operation, 'client' | 'kind' | 'key' | 'value' | 'expect' | 'consistency'>

/** Sends an operation to one instance, in a session, and records what its client learns. Never rejects. */
export async function ask(
  url: string,
  asked: Asked,
  session: Session,
  timeoutMs: number,
): Promise<Operation> {
  const { path, ...init } = requestFor(asked)
  const startMs = performance.now()
  const ended = (
    outcome: Outcome,
    status: number | undefined,
    reason: string | undefined,
    found: Partial<Operation> = {},
  ): Operation => ({ ...asked, ...found, url, startMs, endMs: performance.now(), outcome, status, reason })
  try {
    const headers = { 'content-type': 'application/json', ...session.headers() }
    const response = await fetch(url + path, { ...init, headers, signal: AbortSignal.timeout(timeoutMs) })
    const body = parseBody(await response.text())
    const { status } = response
    const servedBy = response.headers.get('Leasehold-Served-By') ?? undefined
    session.take(response)
    if (isAnswer(asked, status, body))
      return ended('ok', status, undefined, {
        ...foundIn(asked, status, body),
        ...(servedBy && { servedBy }),
      })
    const code = body.error?.code
    // Only a refusal of Leasehold's own is proof that nothing was written; a 500 is not.
    const isRefusal = status === 503 && code !== undefined && code !== 'OUTCOME_UNKNOWN'
    return ended(isRefusal ? 'failed' : 'unknown', status, code)
  } catch (error) {
    const reason = reasonOf(error)
    // Nobody listens, so nothing was sent. After any other failure the request may have arrived.
    return ended(reason === 'ECONNREFUSED' ? 'failed' : 'unknown', undefined, reason)
  }
}

function requestFor({ kind, key, value, expect, consistency }: Asked) {
  const query = consistency ? `?consistency=${consistency}` : ''
  return {
    push: () => ({ path: `/list/${key}`, method: 'POST', body: JSON.stringify({ item: value }) }),
    list: () => ({ path: `/list/${key}${query}`, method: 'GET' }),
    put: () => ({ path: `/kv/${key}`, method: 'PUT', body: JSON.stringify({ value }) }),
    cas: () => ({ path: `/kv/${key}/cas`, method: 'POST', body: JSON.stringify({ expect, value }) }),
    get: () => ({ path: `/kv/${key}${query}`, method: 'GET' }),
  }[kind]()
}

interface ReplyBody {
  value?: unknown
  items?: string[]
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

/** There was no such key, or it was not as expected: answers, too. */
function isAnswer(asked: Asked, status: number, body: ReplyBody): boolean {
  if (status === 404) return isRead(asked)
  if (status === 409) return asked.kind === 'cas' && body.error === undefined
  return status === 200
}

function foundIn({ kind }: Asked, status: number, body: ReplyBody): Partial<Operation> {
  const { value = null, items = [], position, index, term } = body
  if (status === 409) return { present: value }
  const found = {
    index,
    ...(kind === 'get' && { value }),
    ...(kind === 'list' && { value: items.at(-1) ?? null, position: items.length }),
    ...(!isRead({ kind }) && { position, term }),
  }
  return Object.fromEntries(Object.entries(found).filter(([, field]) => field !== undefined))
}

/** fetch hides the reason in `cause`. No instanceof: under Jest its errors are of another realm. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown }
  const { code, name } = cause as { code?: unknown; name?: unknown }
  return String(typeof code === 'string' ? code : name)
}
