import type { ServerResponse } from 'node:http'
import { LeaseholdError, RequestScope } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import type { HttpRequest } from './framework.js'
import { aborted } from './gone-signal.js'
import { describeReply, sayWhoAnswers } from './headers.js'
import { sendError } from './replies.js'
import type { Repeats } from './repeats.js'
import { ReplyGate, type Verdict } from './reply-gate.js'
import { bindRequest } from './request-writes.js'
import type { Run } from './route-request.js'
import type { RouteWarnings } from './route-warnings.js'

/** What became of a request that was to be served here. */
export type Served =
  /** The reply is the handler's, or says honestly what became of its writes. */
  | { readonly kind: 'answered' }
  /** A repeat of it ran, and by now this instance does not lead: the handler did not run for this one. */
  | { readonly kind: 'refused' }
  /** Another instance leads by now. The handler's reply was dropped; through `res` somebody else has to answer. */
  | { readonly kind: 'deposed'; readonly res: ServerResponse; readonly why: string }

/** A request that is served here. */
export interface ServedRequest extends Run {
  readonly node: AdapterNode
  readonly req: HttpRequest
  readonly res: ServerResponse
  /** Aborts when nobody waits for a reply any more. */
  readonly gone: AbortSignal
  readonly repeats: Repeats
  readonly warnings: RouteWarnings
  /** Whether this instance still is the one to run it. */
  readonly leads: () => boolean
  /** Runs the handler. */
  readonly handle: () => void
}

/** What became of most. */
export const ANSWERED: Served = { kind: 'answered' }

/** Codes of writes that were lost with leadership: the same request succeeds at the next leader, and takes effect once. */
const LOST_WITH_LEADERSHIP = new Set(['NOT_LEADER', 'STOPPED', 'OUTCOME_UNKNOWN'])

/**
 * Runs a request's handler with writes that are known by the request (G6), when the request does not run here already. Its
 * reply leaves once they are committed, also those that it did not wait for; a failure that it cannot have seen becomes the
 * reply.
 *
 * @throws KeyReusedError if another request runs under the same key
 * @throws ClientGoneError if the client goes away while it waits for that
 */
export async function serveRequest(request: ServedRequest): Promise<Served> {
  const { node, res, identity, body, gone, repeats, leads, handle } = request
  if (!node.runRequest) {
    describeReply(node, res)
    body?.restore()
    handle()
    return answered(gone)
  }
  const endTurn = await repeats.turn(identity, gone)
  if (!leads()) {
    endTurn()
    return { kind: 'refused' }
  }
  const scope = new RequestScope(identity, gone)
  const served = runHandler(request, scope)
  void served.then(() => scope.settled()).then(endTurn)
  return served
}

function runHandler(request: ServedRequest, scope: RequestScope): Promise<Served> {
  const { node, req, res, mayDrop, body, gone, warnings, handle } = request
  return new Promise((resolve) => {
    /** @param seen how many failures the handler knew when it began its reply */
    const verdict = (seen: number): Verdict => {
      const failures = scope.failures.filter((error) => error instanceof LeaseholdError)
      const lost = failures.find((error) => LOST_WITH_LEADERSHIP.has(error.code))
      if (lost && mayDrop && !node.isLeader) {
        return { instead: (direct) => resolve({ kind: 'deposed', res: direct, why: lost.message }) }
      }
      const unseen = failures[seen]
      if (!unseen) return 'release'
      return {
        instead: (direct) => {
          sayWhoAnswers(node, direct)
          sendError(direct, unseen, { requestId: scope.identity.requestId })
        },
      }
    }
    const judge = () => {
      const seen = scope.failures.length
      return scope.pending === 0 ? verdict(seen) : scope.settled().then(() => verdict(seen))
    }
    const gate = new ReplyGate(res, judge)
    gate.onRelease(() => sayWhoAnswers(node, res))
    gate.onRelease(() => scope.replyBegan(() => warnings.replyNotGated(req)))
    gate.close()
    void answered(gone).then(resolve)
    node.runRequest?.(scope, () => {
      bindRequest(node, req, scope.identity.requestId)
      body?.restore()
      handle()
    })
  })
}

/** Only when the reply has ended is the request over: until then its handler may still read the body. */
async function answered(gone: AbortSignal): Promise<Served> {
  await aborted(gone)
  return ANSWERED
}
