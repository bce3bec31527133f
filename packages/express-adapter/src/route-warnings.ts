import type { Request } from 'express'
import type { AdapterNode } from './adapter-node.js'

/** Tells the app's developers, by `warning` events of the node, what a route does that cannot be made good here. */
export class RouteWarnings {
  readonly #node: AdapterNode
  readonly #told = new Set<string>()

  constructor(node: AdapterNode) {
    this.#node = node
  }

  /** A write began when its request's reply was on its way already. Told once for each route. */
  replyNotGated(req: Request): void {
    const route = routeOf(req)
    this.#once(
      'REPLY_NOT_GATED',
      route,
      `${route} began a write after its reply had begun: the client is not told if that write fails. ` +
        'Begin all writes before the first byte of the reply.',
    )
  }

  #once(code: string, about: string, message: string): void {
    if (this.#told.has(`${code} ${about}`)) return
    this.#told.add(`${code} ${about}`)
    this.#node.warn?.(code, message)
  }
}

/** A route as it was declared, not as it was asked for: `POST /accounts/:id`. */
export function routeOf(req: Request): string {
  const { path } = (req.route as { path?: string | RegExp | (string | RegExp)[] } | undefined) ?? {}
  return `${req.method} ${path === undefined ? 'outside of routes' : `${req.baseUrl}${String(path)}`}`
}
