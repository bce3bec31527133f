import { createHash, randomUUID } from 'node:crypto'
import { type RequestIdentity, WINDOW_ONLY } from '@leasehold/core'
import type { Request } from 'express'
import type { AdapterNode } from './adapter-node.js'
import type { ForwardBody } from './body.js'
import { requestPath } from './request-path.js'

/** What a client may name a request by, so that it can send it again: the header of the IETF's draft of that name. */
export const IDEMPOTENCY_KEY = 'Idempotency-Key'

/** Longer keys are cut off from memory, not from safety: what stands in the log is a digest. */
const MAX_KEY_LENGTH = 255

/**
 * Names a request where it arrives first. Every copy of it that is sent from here carries the same name, so its writes
 * take effect once, wherever and however often its handler runs (G6).
 */
export function nameRequest(node: AdapterNode, req: Request): RequestIdentity {
  return {
    requestId: randomUUID(),
    fingerprint: digest(req.method, requestPath(req)),
    // What it writes stands behind the head as it was seen before. An instance that has seen none yet cannot tell.
    since: node.head || WINDOW_ONLY,
  }
}

/** The client's own name for its request, if it gave one; it may send it again whenever it likes. */
export function keyOf(req: Request): string | undefined {
  const key = req.headers[IDEMPOTENCY_KEY.toLowerCase()]
  return typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH ? key : undefined
}

/**
 * Names a request by its client's key. The key belongs to one caller, method and path; the same key with another query or
 * body is another request, which is told so when it writes (`KEY_REUSED`).
 *
 * @param caller who the client is, so that nobody gets what belongs to another who chose the same key
 */
export function nameByKey(
  req: Request,
  key: string,
  caller: string,
  body: ForwardBody | undefined,
): RequestIdentity {
  const path = requestPath(req)
  const bytes = body?.isKept ? body.payload() : null
  return {
    requestId: `key-${digest(req.method, path.replace(/\?.*$/s, ''), caller, key)}`,
    fingerprint: digest(req.method, path, Buffer.isBuffer(bytes) ? bytes : ''),
    since: WINDOW_ONLY,
  }
}

/** 128 bits of SHA-256 over the parts, each with its length before it. */
function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  return hash.digest('base64url').slice(0, 22)
}
