import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestWrites } from './request-writes.js'

/** A request as a framework hands it on: Node's own, with the few things that frameworks add to it. */
export interface HttpRequest extends IncomingMessage {
  /** Node sets both on every request that a server gets. */
  method: string
  url: string
  /** Path and query as the client sent them, where the framework changes `url`. Default: `url`. */
  originalUrl?: string
  /** What a body parser has made of the body, where one stands before. */
  body?: unknown
  /** Writes of this request, while `routeWrites` has it served here by a node with a state machine. */
  leasehold?: RequestWrites
}

/** Goes on with the request behind the handler, or with an error to whoever answers those. */
export type Next = (error?: unknown) => void

/** A handler as every framework can run it: it answers `res`, or calls `next`. */
export type Handler = (req: HttpRequest, res: ServerResponse, next: Next) => void

/**
 * What a web framework knows of a request, and Node does not: all that an adapter has to say of its framework.
 *
 * @typeParam Req - a request as the app's own functions, `isWrite` say, are to get it
 */
export interface Framework<Req = unknown> {
  requestOf(req: HttpRequest): Req
  /** Path and query below the place where the handler that asks is mounted. */
  urlOf(req: HttpRequest): string
  /** The path of the route as it was declared, `/accounts/:id`; undefined outside of routes. */
  routeOf(req: HttpRequest): string | undefined
  /** Whether the client came over TLS, as proxies that the app trusts say. */
  isSecure(req: HttpRequest): boolean
  /** Whether the app trusts some proxies, and this connection is none of them: what it says of its client is hearsay. */
  isOutsider(req: HttpRequest): boolean
}

/** No framework: handlers of a server of `node:http`. */
export const NODE_HTTP: Framework<HttpRequest> = {
  requestOf: (req) => req,
  urlOf: (req) => req.url,
  routeOf: () => undefined,
  isSecure: (req) => 'encrypted' in req.socket,
  isOutsider: () => false,
}
