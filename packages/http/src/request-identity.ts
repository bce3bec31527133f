import { createHash, randomUUID } from 'node:crypto'
import { type RequestIdentity, WINDOW_ONLY } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { type ForwardBody, keepBody } from './body.js'
import type { HttpRequest } from './framework.js'
import { requestPath } from './request-path.js'
import type { RouteSettings } from './route-options.js'
import type { Run } from './route-request.js'
import { formatSince, parseSince, SINCE_PATTERN } from './since-text.js'

/** What a client may name a request by, so that it can send it again: the header of the IETF's draft of that name. */
export const IDEMPOTENCY_KEY = 'Idempotency-Key'

/** A name of ours says what the head of the log was when the request first arrived. */
const OUR_NAME = new RegExp(`^lh\\.(?<since>${SINCE_PATTERN})\\.[\\da-f-]{36}$`)

/**
 * Names a request where it arrives first. Every copy of it that is sent from there carries the same name, so its writes
 * take effect once, wherever and however often its handler runs (G6).
 *
 * A client's `Idempotency-Key` names it for good. The key belongs to one caller, method and path; the same key with
 * another query or body is another request, which is told so (`KEY_REUSED`). The name that an answer of unknown outcome
 * gave can be used as a key, too.
 *
 * @param body undefined if it was not kept; then it does not tell requests apart
 */
export function nameRequest(
  node: AdapterNode,
  { identify }: RouteSettings,
  req: HttpRequest,
  body: ForwardBody | undefined,
): RequestIdentity {
  const path = requestPath(req)
  const caller = identify(req) ?? ''
  const key = keyOf(req)
  const bytes = body?.isKept ? body.payload() : null
  const fingerprint = digest(req.method, path, caller, Buffer.isBuffer(bytes) ? bytes : '')
  if (key === undefined) {
    // What it writes stands behind the head as it was seen before. An instance that has seen none yet cannot tell.
    const since = node.seenHead ?? WINDOW_ONLY
    return { requestId: `lh.${formatSince(since)}.${randomUUID()}`, fingerprint, since }
  }
  const since = OUR_NAME.exec(key)?.groups?.['since']
  if (since !== undefined) return { requestId: key, fingerprint, since: parseSince(since) }
  const requestId = `key-${digest(req.method, path.replace(/\?.*$/s, ''), caller, key)}`
  return { requestId, fingerprint, since: WINDOW_ONLY }
}

/** Names a request that runs here or nowhere. */
export async function nameServed(node: AdapterNode, settings: RouteSettings, req: HttpRequest): Promise<Run> {
  const body = await keepBody(req, settings.maxBufferBytes)
  return { identity: nameRequest(node, settings, req, body), mayDrop: false, body }
}

/** The client's own name for its request, if it gave one; it may send it again whenever it likes. */
function keyOf(req: HttpRequest): string | undefined {
  const key = req.headers[IDEMPOTENCY_KEY.toLowerCase()]
  return typeof key === 'string' && key !== '' ? key : undefined
}

/** 128 bits of SHA-256 over the parts, each with its length before it. */
function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  return hash.digest('base64url').slice(0, 22)
}
