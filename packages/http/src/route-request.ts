import type { ServerResponse } from 'node:http'
import type { RequestIdentity } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import type { ForwardBody } from './body.js'
import type { HttpRequest } from './framework.js'
import type { Served } from './serve-request.js'

/** How a request is to be run here. */
export interface Run {
  readonly identity: RequestIdentity
  /** Whether somebody can answer in this instance's place if it is deposed meanwhile. */
  readonly mayDrop: boolean
  /** What was taken of its body, for the handler to find again. */
  readonly body: ForwardBody | undefined
}

/** A write on its way to whoever is to serve it. */
export interface RoutedRequest {
  readonly req: HttpRequest
  /** Aborts when nobody waits for the reply any more. */
  readonly gone: AbortSignal
  /**
   * Runs the handler here, once: a body that was read and a middleware that was passed do not come back. Not at all if by
   * its turn this instance does not lead any more (`refused`).
   */
  readonly serve: (run: Run) => Promise<Served>
}

/** What a mode does with a write: it sees to it that `res` is answered, or rejects with what to answer. */
export type Route = (request: RoutedRequest, res: ServerResponse) => Promise<void>

const routes = new WeakMap<AdapterNode, Route>()

/** From now on a request of this node that cannot be served here can be taken to the leader by `route`. */
export function offerRoute(node: AdapterNode, route: Route): void {
  routes.set(node, route)
}

/** The way to the leader that `routeWrites` has, if it is used with this node. */
export function wayToLeader(node: AdapterNode): Route | undefined {
  return routes.get(node)
}
