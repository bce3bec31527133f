import { randomUUID } from 'node:crypto'
import type { LeaderInfo } from '@leasehold/core'
import type { Request, Response } from 'express'
import type { AdapterNode } from './adapter-node.js'
import { type ForwardBody, takeBody, waitingBytes } from './body.js'
import { NoLeaderError, RequestOutcomeUnknownError } from './errors.js'
import { ForwardLog } from './forward-log.js'
import { signForwarded } from './forwarded.js'
import { FORWARDED, headersForLeader } from './headers.js'
import { Hold } from './hold.js'
import { type Call, callLeader } from './leader-call.js'
import { LeaderPools } from './leader-pools.js'
import { LeaderSearch } from './leader-search.js'
import { requestPath } from './request-path.js'
import type { RouteSettings } from './route-options.js'

/**
 * What a mode does with a write that reached an instance which does not lead: it answers, or finds that this instance
 * leads by now and is to serve the request, whose body is then untouched or restored. Rejects with what to answer.
 */
export type Route = (req: Request, res: Response, gone: AbortSignal) => Promise<'answered' | 'here'>

/**
 * Sends writes to the leader and its answers back.
 *
 * A request goes to one leader after another until one takes it: it is sent again only when it surely did not run, that
 * is, when no connection came about or the other side answered that it does not lead. The hold's deadline ends that. If
 * this instance becomes the leader meanwhile, it serves the request itself.
 */
export function forward(node: AdapterNode, settings: RouteSettings): Route {
  const hold = new Hold(node, settings.hold)
  const pools = new LeaderPools(node, settings, settings.hold.ms)
  const log = new ForwardLog(settings.logger)

  return async (req, res, gone) => {
    const requestId = randomUUID()
    const search = new LeaderSearch(node, hold, gone, (leader) => leader.url !== undefined)
    let body: ForwardBody | undefined
    for (;;) {
      const server = await search.next(body?.keptBytes ?? waitingBytes(req))
      if (server === 'here') {
        body?.restore()
        return 'here'
      }
      if (!body) {
        body = await takeBody(req, settings.maxBufferBytes)
        continue // a body takes as long to arrive as the client takes to send it: look again who leads
      }

      const { url } = server as ReachableLeader
      const call = callTo(node, server as ReachableLeader, req, body, requestId)
      const connectWithinMs = Math.min(settings.connectTimeoutMs, search.remainingMs)
      const outcome = await callLeader(pools.to(url), call, res, connectWithinMs, gone)
      switch (outcome.kind) {
        case 'answered':
          log.reached()
          return 'answered'
        case 'refused':
          if (outcome.cause) log.unreachable(server, outcome.cause)
          if (!body.intact)
            throw new NoLeaderError(`${server.id} does not lead, and the body was too long to be kept`)
          search.refused(server, outcome.why, outcome.timedOut && connectWithinMs < settings.connectTimeoutMs)
          break
        case 'unknown':
          log.unanswered(requestId, server, outcome.cause)
          throw new RequestOutcomeUnknownError(requestId, outcome.why, outcome.cause)
      }
    }
  }
}

/** A leader as the search finds it here: one with a `url`. */
type ReachableLeader = LeaderInfo & { readonly url: string }

/** The request as this leader is to get it: the client's, but for what belongs to the hop, and signed. */
function callTo(
  node: AdapterNode,
  leader: ReachableLeader,
  req: Request,
  body: ForwardBody,
  requestId: string,
): Call {
  const { method } = req
  const path = requestPath(req)
  const headers = headersForLeader(req, node.id)
  for (const [name, value] of Object.entries(body.headers)) {
    if (value === undefined) delete headers[name]
    else headers[name] = value
  }
  headers[FORWARDED] = signForwarded(node, method, path, { term: leader.term, from: node.id, requestId })
  return { requestId, method, path: `${basePath(leader.url)}${path}`, headers, body: body.payload() }
}

/** The path under which a node's `url` says that it is mounted; empty for most. */
function basePath(url: string): string {
  return new URL(url).pathname.replace(/\/+$/, '')
}
