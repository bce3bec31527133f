import type { Request } from 'express'
import type { AdapterNode } from './adapter-node.js'

/** Tells the app's developers, by `warning` events of the node, what a route does that cannot be made good here. */
export class RouteWarnings {
  readonly #node: AdapterNode
  /** Routes of which it was told. */
  readonly #told = new Set<string>()

  constructor(node: AdapterNode) {
    this.#node = node
  }

  /** A write began when its request's reply was on its way already. Told once for each route. */
  replyNotGated(req: Request): void {
    const route = routeOf(req)
    if (this.#told.has(route)) return
    this.#told.add(route)
    this.#node.warn?.(
      'REPLY_NOT_GATED',
      `${route} began a write after its reply had begun: the client is not told if that write fails. ` +
        'Begin all writes before the first byte of the reply.',
    )
  }
}

/** A route as it was declared, not as it was asked for: `POST /accounts/:id`. */
function routeOf(req: Request): string {
  const { path } = (req.route as { path?: string | RegExp | (string | RegExp)[] } | undefined) ?? {}
  return `${req.method} ${path === undefined ? 'outside of routes' : `${req.baseUrl}${String(path)}`}`
}
