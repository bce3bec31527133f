import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { formatPosition } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import type { HttpRequest } from './framework.js'
import { beforeReply } from './reply-gate.js'

/** On every reply: what the replica that answered had applied, `<logId>.<term>.<index>`. */
export const POSITION = 'Leasehold-Position'
/** On every reply: id of the instance that answered. */
export const SERVED_BY = 'Leasehold-Served-By'
/** On every reply, where it is known: id of the leader. */
export const LEADER = 'Leasehold-Leader'
/** On a reply of a replica that cannot know how old its data is, the log being out of reach, say: `true`. */
export const STALE = 'Leasehold-Stale'
/** Between instances: who forwards what, to which term. Signed; see forwarded.ts. */
export const FORWARDED = 'Leasehold-Forwarded'
/**
 * Between instances: on a 421, the id of the request that was refused before anything of it ran; with `;ran` behind it, of
 * one whose instance was deposed while its handler ran.
 */
export const REFUSED = 'Leasehold-Refused'
/** Between instances: ids of the instances that a request came through. Only ever used to stop a loop. */
export const VIA = 'Leasehold-Via'

/** Headers that belong to one connection (RFC 9110 §7.6.1) and must not travel on. */
const HOP_BY_HOP = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Request headers that are made anew for the leader, whatever the client sent. */
const OURS = new Set([
  'content-length', // the body's own length, which may have changed behind a parser
  'expect', // Node has answered 100-continue already
  FORWARDED.toLowerCase(),
])

function hopByHop(connection: string | undefined): (name: string) => boolean {
  const listed = new Set(connection?.split(',').map((name) => name.trim().toLowerCase()))
  return (name) => HOP_BY_HOP.has(name) || listed.has(name)
}

/**
 * The client's headers as the leader is to see them. They come from `req.headers`, so a header that a middleware here
 * removed stays removed.
 *
 * @param isOutsider whether the app trusts some proxies, and this connection is none of them. What it claims would become
 * true on its way: the leader trusts us, the instance that passes it on
 */
export function headersForLeader(
  req: HttpRequest,
  nodeId: string,
  isOutsider: boolean,
): Record<string, string | string[]> {
  const belongsToHop = hopByHop(req.headers.connection)
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(req.headers)) {
    if (value !== undefined && !belongsToHop(name) && !OURS.has(name)) headers[name] = value
  }
  if (isOutsider) {
    delete headers['x-forwarded-proto']
    delete headers['x-forwarded-host']
  }
  append(headers, 'x-forwarded-for', req.socket.remoteAddress)
  append(headers, VIA.toLowerCase(), headerSafe(nodeId))
  headers['x-forwarded-proto'] ??= (req.socket as Partial<TLSSocket>).encrypted ? 'https' : 'http'
  if (req.headers.host !== undefined) headers['x-forwarded-host'] ??= req.headers.host
  return headers
}

function append(headers: Record<string, string | string[]>, name: string, value: string | undefined) {
  if (value === undefined) return
  const before = headers[name]
  headers[name] =
    before === undefined || before.length === 0 ? value : `${[before].flat().join(', ')}, ${value}`
}

/**
 * Puts the leader's reply headers on our reply. What a middleware here has set stays unless the leader says otherwise.
 *
 * @param raw names and values in turn, as bytes: header values are Latin-1, and decoding them otherwise would change
 * or break those that are not ASCII
 */
export function copyReplyHeaders(raw: readonly Buffer[], res: ServerResponse): void {
  const values = new Map<string, { name: string; values: string[] }>()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as Buffer).toString('latin1')
    const entry = values.get(name.toLowerCase()) ?? { name, values: [] }
    entry.values.push((raw[i + 1] as Buffer).toString('latin1'))
    values.set(name.toLowerCase(), entry)
  }
  const belongsToHop = hopByHop(values.get('connection')?.values.join(','))
  for (const [key, { name, values: all }] of values) {
    if (!belongsToHop(key)) res.setHeader(name, all.length === 1 ? (all[0] as string) : all)
  }
}

/** True if this request has been through `nodeId` before. */
export function cameThrough(req: IncomingMessage, nodeId: string): boolean {
  const via = req.headers[VIA.toLowerCase()]
  return (
    via !== undefined &&
    [via]
      .flat()
      .join(',')
      .split(',')
      .some((id) => id.trim() === headerSafe(nodeId))
  )
}

/**
 * Says on a reply of this instance who answered, who leads and what the replica has applied. The position is taken when
 * the headers are written, not before: so the reply to a write covers that write.
 */
export function describeReply(node: AdapterNode, res: ServerResponse): void {
  beforeReply(res, () => {
    // A read that was taken to the leader after all has the leader's answer, which says so itself.
    if (!res.hasHeader(SERVED_BY)) sayWhoAnswers(node, res)
  })
}

/** As `describeReply`, now. */
export function sayWhoAnswers(node: AdapterNode, res: ServerResponse): void {
  if (res.headersSent) return
  if (node.position.logId !== '') res.setHeader(POSITION, formatPosition(node.position))
  res.setHeader(SERVED_BY, headerSafe(node.id))
  if (node.leader) res.setHeader(LEADER, headerSafe(node.leader.id))
  if (node.stale) res.setHeader(STALE, 'true')
  if (res.hasHeader('Access-Control-Allow-Origin')) expose(res, [POSITION, SERVED_BY, LEADER, STALE])
}

/** Lets scripts of another origin, whom the app lets read the reply, read these headers too. */
function expose(res: ServerResponse, names: readonly string[]) {
  const exposed = [res.getHeader('Access-Control-Expose-Headers') ?? []].flat().join(', ')
  const listed = new Set(exposed.split(',').map((name) => name.trim().toLowerCase()))
  const missing = names.filter((name) => !listed.has(name.toLowerCase()))
  const all = [...(exposed === '' ? [] : [exposed]), ...missing].join(', ')
  res.setHeader('Access-Control-Expose-Headers', all)
}

/** An id as a header may carry it: names may hold any letter, headers only Latin-1 without separators. */
export function headerSafe(id: string): string {
  return /^[\w.~!*'()-]+$/.test(id) ? id : encodeURIComponent(id)
}
