import type { IncomingMessage } from 'node:http'
import type { RequestIdentity } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { FORWARDED, headerSafe } from './headers.js'
import { formatSince, parseSince } from './since-text.js'

/** What one instance tells another about a request that it passes on. */
export interface Forwarded {
  /** The reign that the sender means. A leader whose unbroken reign does not include it must not run the request. */
  readonly term: number
  /** Id of the sender. */
  readonly from: string
  /** Names the request, the same however often it is sent. */
  readonly identity: RequestIdentity
}

/** How far a `Leasehold-Forwarded` header is to be believed. */
export type ForwardedClaim =
  | { readonly trusted: true; readonly forwarded: Forwarded }
  | { readonly trusted: false; readonly requestId: string }

const VERSION = 1
const IN_REQUEST = FORWARDED.toLowerCase()

/**
 * `v=1;term=…;from=…;id=…;fp=…;since=…;sig=…`. The signature covers the fields before it, the method and the path, so a
 * header that somebody overheard is of no use for another request.
 */
export function signForwarded(node: AdapterNode, method: string, path: string, forwarded: Forwarded): string {
  const { term, from, identity } = forwarded
  const { requestId, fingerprint, since } = identity
  const request = `id=${requestId};fp=${fingerprint};since=${formatSince(since)}`
  const fields = `v=${VERSION};term=${term};from=${headerSafe(from)};${request}`
  return `${fields};sig=${node.credentials.sign(signedText(method, path, fields))}`
}

/**
 * Takes the `Leasehold-Forwarded` header off a request and says what it is worth; undefined if there was none.
 *
 * A header of a version that we do not know is trusted if its signature is right: it does come from an instance of the
 * group, so the request must not be forwarded again. The term it then lacks reads as 0, which nobody leads.
 */
export function takeForwarded(
  node: AdapterNode,
  req: IncomingMessage,
  path: string,
): ForwardedClaim | undefined {
  const header = req.headers[IN_REQUEST]
  if (header === undefined) return undefined
  delete req.headers[IN_REQUEST]
  if (typeof header !== 'string') return undefined

  const { fields = '', signature = '' } =
    /^(?<fields>[^\s]{1,1024});sig=(?<signature>[^\s;]{1,512})$/.exec(header)?.groups ?? {}
  const field = new Map(fields.split(';').map((part) => part.split('=', 2) as [string, string | undefined]))
  const requestId = field.get('id') ?? ''
  if (!verify(node, signedText(req.method ?? '', path, fields), signature))
    return { trusted: false, requestId }
  const term = field.get('v') === String(VERSION) ? Number(field.get('term') ?? 0) : 0
  const since = parseSince(field.get('since') ?? '')
  const identity = { requestId, fingerprint: field.get('fp') ?? '', since }
  return { trusted: true, forwarded: { term, from: field.get('from') ?? '', identity } }
}

function signedText(method: string, path: string, fields: string): string {
  return `leasehold-forwarded\n${method}\n${path}\n${fields}`
}

function verify(node: AdapterNode, text: string, signature: string): boolean {
  try {
    return signature !== '' && node.credentials.verify(text, signature)
  } catch {
    return false // not started yet: it knows no secret, so it can believe nobody
  }
}
