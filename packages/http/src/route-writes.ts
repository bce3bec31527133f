import type { ServerResponse } from 'node:http'
import { LeaseholdError, NotLeaderError } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { ClientGoneError } from './errors.js'
import { forward } from './forward.js'
import { takeForwarded } from './forwarded.js'
import type { Framework, Handler, HttpRequest } from './framework.js'
import { goneSignal } from './gone-signal.js'
import { cameThrough, describeReply, headerSafe, REFUSED, sayWhoAnswers } from './headers.js'
import { redirect } from './redirect.js'
import { reject } from './reject.js'
import { Repeats } from './repeats.js'
import { sendError } from './replies.js'
import { beforeReply } from './reply-gate.js'
import { requestPath } from './request-path.js'
import { traceRequest } from './request-spans.js'
import { type RouteSettings, type RouteWritesOptions, resolveRouteOptions } from './route-options.js'
import { offerRoute, type Route, type Run } from './route-request.js'
import { RouteWarnings } from './route-warnings.js'
import { serveRequest } from './serve-request.js'

const ROUTES: Record<RouteSettings['mode'], (node: AdapterNode, settings: RouteSettings) => Route> = {
  forward,
  redirect,
  reject,
}

/**
 * Handler that takes every write to the instance that leads, wherever it arrived; reads are served where they are.
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
 */
export function routeWrites<Req>(
  node: AdapterNode,
  framework: Framework<Req>,
  options: RouteWritesOptions<Req> = {},
): Handler {
  const settings = resolveRouteOptions(node, framework, options)
  if (settings.mode === 'forward') node.requireUrl()
  const route = ROUTES[settings.mode](node, settings)
  offerRoute(node, route)
  const [repeats, warnings] = [new Repeats(), new RouteWarnings(node, framework)]

  return (req, res, next) => {
    const claim = takeForwarded(node, req, requestPath(req))
    if (!claim?.trusted && !settings.isForLeader(req)) {
      describeReply(node, res)
      return next()
    }
    if (claim) beforeReply(res, () => keepForSender(req, res))
    const gone = goneSignal(res)
    /** What the client hears; `res` is a dead end once a handler's reply was dropped. */
    let reply = res
    const answerError = (error: unknown) => {
      if (error instanceof ClientGoneError || gone.aborted || reply.headersSent) return
      if (!(error instanceof LeaseholdError)) return reply === res ? next(error) : void reply.destroy()
      sayWhoAnswers(node, reply)
      sendError(reply, error)
      drain(req)
    }
    const serve = async (run: Run, leads = () => node.isLeader) => {
      const served = await serveRequest({
        ...run,
        node,
        req,
        res,
        gone,
        repeats,
        warnings,
        leads,
        handle: next,
      })
      if (served.kind === 'deposed') reply = served.res
      return served
    }
    if (claim?.trusted) {
      const { term, identity } = claim.forwarded
      const leads = () => node.leads(term)
      if (!leads()) return refuse(node, req, res, identity.requestId)
      const run = { identity, mayDrop: settings.mayResend(req), body: undefined }
      return void traceRequest(node, req, res, gone, () => serve(run, leads)).then((served) => {
        if (served.kind === 'refused') refuse(node, req, res, identity.requestId)
        if (served.kind === 'deposed') refuse(node, req, served.res, `${identity.requestId};ran`)
      }, answerError)
    }
    if (!node.isLeader && claim && cameThrough(req, node.id))
      return refuse(node, req, res, headerSafe(claim.requestId))

    const answer = traceRequest(node, req, res, gone, () => route({ req, gone, serve }, res))
    answer.then(() => drain(req), answerError)
  }
}

/** Tells another instance that nothing of its request ran here, and that it must look for the leader again. */
function refuse(node: AdapterNode, req: HttpRequest, res: ServerResponse, requestId: string) {
  describeReply(node, res)
  res.setHeader(REFUSED, requestId)
  sendError(res, new NotLeaderError(node.leader), { status: 421 })
  drain(req)
}

/**
 * An instance that is still sending a body would see a connection that is closed behind the reply break under its hands, and
 * never the reply: 504 in place of what this instance said. It closes the connection itself.
 */
function keepForSender(req: HttpRequest, res: ServerResponse) {
  if (!req.complete && /\bclose\b/i.test(String(res.getHeader('Connection')))) res.removeHeader('Connection')
}

/** Lets what is left of a body that nobody will read go by, so that the connection can carry the next request. */
function drain(req: HttpRequest) {
  req.resume()
}
