import type { ServerResponse } from 'node:http'
import { LeaseholdError } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { ClientGoneError } from './errors.js'
import type { HttpRequest } from './framework.js'
import { goneSignal } from './gone-signal.js'
import { VIA } from './headers.js'
import { traceRequest } from './request-spans.js'
import { wayToLeader } from './route-request.js'
import { ANSWERED } from './serve-request.js'

/**
 * Takes a read for which this replica is not fresh enough to the leader, the way that writes take. Never one that another
 * instance has sent here: that one asked the leader already.
 *
 * @param readHere reads here after all, where this instance came to lead meanwhile
 * @returns whether the client has its answer, or is gone
 */
export async function readAtLeader(
  node: AdapterNode,
  req: HttpRequest,
  res: ServerResponse,
  readHere: () => Promise<void>,
): Promise<boolean> {
  const route = wayToLeader(node)
  const cameFromInstance = req.headers[VIA.toLowerCase()] !== undefined
  if (!route || cameFromInstance || node.isLeader || !node.leader) return false
  try {
    const gone = goneSignal(res)
    const serve = () => readHere().then(() => ANSWERED)
    await traceRequest(node, req, res, gone, () => route({ req, gone, serve }, res))
    return true
  } catch (error) {
    if (error instanceof ClientGoneError || res.headersSent) return true
    if (error instanceof LeaseholdError) return false // nobody leads in time, or does not answer: a read has no outcome
    throw error
  }
}
