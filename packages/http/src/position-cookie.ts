import type { ServerResponse } from 'node:http'
import { formatPosition, parsePosition, type Position } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { wallClockMs } from './clock.js'
import type { HttpRequest } from './framework.js'
import { beforeReply } from './reply-gate.js'

/** Where a browser keeps the position that it has seen. */
export interface PositionCookie {
  readonly name: string
  /** Whether the client came over TLS. */
  readonly isSecure: (req: HttpRequest) => boolean
}

/** The position that the request's cookie carries; undefined for none, or for what no instance has set. */
export function positionFromCookie(req: HttpRequest, { name }: PositionCookie): Position | undefined {
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=')
    if (at !== -1 && part.slice(0, at).trim() === name) return parsePosition(part.slice(at + 1).trim())
  }
  return undefined
}

/** What a request says that its client has seen. */
export interface SeenPositions {
  readonly inCookie: Position | undefined
  /** The later one of that and the header's. */
  readonly latest: Position | undefined
}

/**
 * Has the reply set the cookie to where the replica stands when it leaves, unless the client's says that already. Not if a
 * cache may keep the reply: it would hand one client's cookie to others. Nor if the client has seen what this replica has
 * not: the next read must still ask for that, and is told if it was lost (G8).
 */
export function setPositionCookie(
  node: AdapterNode,
  req: HttpRequest,
  res: ServerResponse,
  jar: PositionCookie,
  { inCookie, latest }: SeenPositions,
): void {
  beforeReply(res, () => {
    const { position } = node
    if (position.logId === '' || (inCookie && isSame(inCookie, position))) return
    const hasAll = latest === undefined || (node.hasApplied?.(latest) ?? true)
    if (hasAll && !isCacheable(res) && !hasSet(res, jar))
      append(res, `${jar.name}=${formatPosition(position)}${attributes(req, jar)}`)
  })
}

function isSame(a: Position, b: Position): boolean {
  return a.index === b.index && a.term === b.term && a.logId === b.logId
}

/** Takes the cookie back: its position is no longer in any log. */
export function clearPositionCookie(req: HttpRequest, res: ServerResponse, jar: PositionCookie): void {
  append(res, `${jar.name}=${attributes(req, jar)}; Max-Age=0`)
}

/** Not for scripts, not for requests that other sites cause, and only over TLS where the client came over TLS. */
function attributes(req: HttpRequest, { isSecure }: PositionCookie): string {
  return `; Path=/; HttpOnly; SameSite=Lax${isSecure(req) ? '; Secure' : ''}`
}

function append(res: ServerResponse, cookie: string): void {
  res.appendHeader('Set-Cookie', cookie)
}

function hasSet(res: ServerResponse, { name }: PositionCookie): boolean {
  const set = res.getHeader('Set-Cookie')
  return [set ?? []].flat().some((cookie) => String(cookie).startsWith(`${name}=`))
}

/**
 * Whether the reply says that a shared cache may store it (RFC 9111 §3). One that says nothing counts as none: heuristics
 * would let nearly every reply be stored.
 */
function isCacheable(res: ServerResponse): boolean {
  const said = (name: string) => String(res.getHeader(name) ?? '').toLowerCase()
  const control = said('Cache-Control')
  if (/\b(?:no-store|private)\b/.test(control)) return false
  if (
    ALLOWS.test(control) ||
    ALLOWS.test(said('CDN-Cache-Control')) ||
    ALLOWS.test(said('Surrogate-Control'))
  )
    return true
  return !/\bno-cache\b|\bmax-age=/.test(control) && Date.parse(said('Expires')) > wallClockMs()
}

/** What of a Cache-Control lets a shared cache store a reply. */
const ALLOWS = /\bpublic\b|\b(?:s-maxage|max-age)="?0*[1-9]/
