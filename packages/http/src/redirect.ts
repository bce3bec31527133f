import type { LeaderInfo } from '@leasehold/core'
import encodeUrl from 'encodeurl'
import type { AdapterNode } from './adapter-node.js'
import { waitingBytes } from './body.js'
import { NoPublicUrlError } from './errors.js'
import { describeReply } from './headers.js'
import { Hold } from './hold.js'
import { LeaderSearch } from './leader-search.js'
import { nameServed } from './request-identity.js'
import { requestPath } from './request-path.js'
import type { RouteSettings } from './route-options.js'
import type { Route, Run } from './route-request.js'

/**
 * Sends clients to the leader with a 307, which keeps method and body. `no-store`, because who leads today may not lead
 * tomorrow. Never to the internal `url`, which clients may not reach and need not know.
 */
export function redirect(node: AdapterNode, settings: RouteSettings): Route {
  const hold = new Hold(node, settings.hold)
  const locate =
    settings.location ??
    ((req, leader: LeaderInfo) => leader.publicUrl && leader.publicUrl + requestPath(req))

  return async ({ req, gone, serve }, res) => {
    const search = new LeaderSearch(node, hold, gone, () => true)
    let run: Run | undefined
    let server = await search.next(waitingBytes(req))
    while (server === 'here') {
      run ??= await nameServed(node, settings, req)
      const served = await serve(run)
      if (served.kind !== 'refused') return
      server = await search.next(waitingBytes(req))
    }
    const location = locate(req, server)
    if (!location) throw new NoPublicUrlError(server.id)
    describeReply(node, res)
    res.statusCode = 307
    res.setHeader('Location', encodeUrl(location))
    res.setHeader('Cache-Control', 'no-store')
    res.setHeader('Content-Length', '0')
    res.end()
  }
}
