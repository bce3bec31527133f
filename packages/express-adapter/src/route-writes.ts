import { LeaseholdError, NotLeaderError } from '@leasehold/core'
import type { Request, RequestHandler, Response } from 'express'
import type { AdapterNode } from './adapter-node.js'
import { ClientGoneError } from './errors.js'
import { forward, type Route } from './forward.js'
import { takeForwarded } from './forwarded.js'
import { cameThrough, describeReply, headerSafe, REFUSED } from './headers.js'
import { redirect } from './redirect.js'
import { sendError } from './replies.js'
import { requestPath } from './request-path.js'
import { type RouteSettings, type RouteWritesOptions, resolveRouteOptions } from './route-options.js'

const ROUTES: Record<RouteSettings['mode'], (node: AdapterNode, settings: RouteSettings) => Route> = {
  forward,
  redirect,
  reject: (node) => () => Promise.reject(new NotLeaderError(node.leader)),
}

/**
 * Middleware that takes every write to the instance that leads, wherever it arrived; reads are served where they are.
 * While no leader is known, writes wait for one.
 *
 * Mount it once, before body parsers: then bodies pass byte for byte. Behind them, JSON and URL-encoded bodies are
 * written down again, and a multipart body that was read is an error (`BODY_CONSUMED`). Replies of this instance carry
 * `Leasehold-Position`, `Leasehold-Served-By` and `Leasehold-Leader`; those of the leader keep the leader's.
 *
 * What it answers itself is JSON `{ error: { code, message } }`: 503 `NO_LEADER` if none was found in time (the request
 * surely did not run), 504 `OUTCOME_UNKNOWN` with a `requestId` if the leader took the request and never answered.
 *
 * @throws OptionsError that lists every problem
 * @example
 * ```ts
 * app.use('/cluster', clusterRouter(node))
 * app.use(routeWrites(node))
 * app.use(express.json())
 * app.post('/transfer', async (req, res) => res.json(await node.write('transfer', req.body)))
 * app.use(clusterErrors(node))
 * ```
 */
export function routeWrites(node: AdapterNode, options: RouteWritesOptions = {}): RequestHandler {
  const settings = resolveRouteOptions(node, options)
  if (settings.mode === 'forward') node.requireUrl()
  const route = ROUTES[settings.mode](node, settings)

  return (req, res, next) => {
    const serveHere = () => {
      describeReply(node, res)
      next()
    }
    const claim = takeForwarded(node, req, requestPath(req))
    if (claim?.trusted) {
      if (node.leads(claim.forwarded.term)) return serveHere()
      return refuse(node, req, res, claim.forwarded.requestId)
    }
    if (node.isLeader || !settings.isForLeader(req)) return serveHere()
    if (claim && cameThrough(req, node.id)) return refuse(node, req, res, claim.requestId)

    const gone = goneSignal(res)
    route(req, res, gone).then(
      (outcome) => (outcome === 'here' ? serveHere() : drain(req)),
      (error: unknown) => {
        if (error instanceof ClientGoneError || gone.aborted || res.headersSent) return
        if (!(error instanceof LeaseholdError)) return next(error)
        describeReply(node, res)
        sendError(res, error)
        drain(req)
      },
    )
  }
}

/** Tells another instance that nothing of its request ran here, and that it must look for the leader again. */
function refuse(node: AdapterNode, req: Request, res: Response, requestId: string) {
  describeReply(node, res)
  res.setHeader(REFUSED, headerSafe(requestId))
  sendError(res, new NotLeaderError(node.leader), 421)
  drain(req)
}

/** Aborts when nobody waits for a reply any more: the client went away, or a middleware, a timeout say, has answered. */
function goneSignal(res: Response): AbortSignal {
  const gone = new AbortController()
  if (res.closed) gone.abort()
  else res.once('close', () => gone.abort())
  return gone.signal
}

/** Lets what is left of a body that nobody will read go by, so that the connection can carry the next request. */
function drain(req: Request) {
  req.resume()
}
