import type { AdapterNode } from './adapter-node.js'
import type { Framework, HttpRequest } from './framework.js'

/** Tells the app's developers, by `warning` events of the node, what a route does that cannot be made good here. */
export class RouteWarnings {
  readonly #node: AdapterNode
  readonly #framework: Framework
  /** Routes of which it was told. */
  readonly #told = new Set<string>()

  constructor(node: AdapterNode, framework: Framework) {
    this.#node = node
    this.#framework = framework
  }

  /** A write began when its request's reply was on its way already. Told once for each route. */
  replyNotGated(req: HttpRequest): void {
    const route = `${req.method} ${this.#framework.routeOf(req) ?? 'outside of routes'}`
    if (this.#told.has(route)) return
    this.#told.add(route)
    this.#node.warn?.(
      'REPLY_NOT_GATED',
      `${route} began a write after its reply had begun: the client is not told if that write fails. ` +
        'Begin all writes before the first byte of the reply.',
    )
  }
}
