import { LeaseholdError, type RequestIdentity, RequestScope } from '@leasehold/core'
import type { Response } from 'express'
import type { AdapterNode } from './adapter-node.js'
import { describeReply, sayWhoAnswers } from './headers.js'
import { sendError } from './replies.js'
import { ReplyGate, type Verdict } from './reply-gate.js'

/** What became of a request whose handler ran here. */
export type Served =
  /** The reply is the handler's, or says honestly what became of its writes. */
  | { readonly kind: 'answered' }
  /** Another instance leads by now. The handler's reply was dropped; through `res` somebody else has to answer. */
  | { readonly kind: 'deposed'; readonly res: Response; readonly why: string }

const ANSWERED: Served = { kind: 'answered' }

/** Codes of writes that were lost with leadership: the same request succeeds at the next leader, and takes effect once. */
const LOST_WITH_LEADERSHIP = new Set(['NOT_LEADER', 'STOPPED', 'OUTCOME_UNKNOWN'])

/**
 * Runs a request's handler with writes that are known by the request (G6). Its reply leaves once they are committed, also
 * those that it did not wait for; a failure that it cannot have seen becomes the reply.
 *
 * @param mayDrop whether somebody can answer in this instance's place if it is deposed meanwhile
 * @param gone aborts when nobody waits for the reply any more
 */
export function serveRequest(
  node: AdapterNode,
  res: Response,
  identity: RequestIdentity,
  mayDrop: boolean,
  gone: AbortSignal,
  handle: () => void,
): Promise<Served> {
  if (!node.runRequest) {
    describeReply(node, res)
    handle()
    return ended(gone)
  }
  const scope = new RequestScope(identity)
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
          sendError(direct, unseen)
        },
      }
    }
    const judge = () => {
      const seen = scope.failures.length
      return scope.pending === 0 ? verdict(seen) : scope.settled().then(() => verdict(seen))
    }
    new ReplyGate(res, judge, () => sayWhoAnswers(node, res)).close()
    void ended(gone).then(resolve)
    node.runRequest?.(scope, handle)
  })
}

/** Only when the reply has ended is the request over: until then its handler may still read the body. */
function ended(gone: AbortSignal): Promise<Served> {
  if (gone.aborted) return Promise.resolve(ANSWERED)
  return new Promise((resolve) => gone.addEventListener('abort', () => resolve(ANSWERED), { once: true }))
}
