import { NotLeaderError } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { nameServed } from './request-identity.js'
import type { RouteSettings } from './route-options.js'
import type { Route } from './route-request.js'

/** Serves writes where this instance leads, and refuses them where it does not. */
export function reject(node: AdapterNode, settings: RouteSettings): Route {
  const assertLeading = () => {
    if (!node.isLeader) throw new NotLeaderError(node.leader)
  }
  return async ({ req, serve }) => {
    assertLeading()
    const served = await serve(await nameServed(node, settings, req))
    if (served.kind === 'refused') throw new NotLeaderError(node.leader)
  }
}
