import type { IncomingMessage } from 'node:http'
import type { Framework, Handler, HttpRequest, Next } from '@leasehold/http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Fastify's requests by Node's: handlers know these, the app's functions those. */
const requests = new WeakMap<IncomingMessage, FastifyRequest>()

function requestOf(req: IncomingMessage): FastifyRequest {
  return requests.get(req) as FastifyRequest
}

/** What Fastify knows of a request. */
export const FASTIFY: Framework<FastifyRequest> = {
  requestOf,
  urlOf: (req) => req.url,
  routeOf: (req) => requestOf(req).routeOptions.url,
  isSecure: (req) => requestOf(req).protocol === 'https',
  isOutsider(req) {
    const { ips, protocol, host } = requestOf(req)
    if (ips === undefined) return false // the app trusts no proxy at all
    const { 'x-forwarded-proto': saidProtocol, 'x-forwarded-host': saidHost } = req.headers
    return !(isBelieved(saidProtocol, protocol) && isBelieved(saidHost, host))
  },
}

/** Whether Fastify took what a header says, the last of several values, for true. */
function isBelieved(said: string | string[] | undefined, taken: string): boolean {
  return said === undefined || [said].flat().join(',').split(',').at(-1)?.trim() === taken
}

/**
 * Runs a handler on Node's own request and reply, before Fastify has read anything of the body. Either the handler answers,
 * and Fastify goes no further, or it goes on by `next`.
 */
export function runHandler(handler: Handler, request: FastifyRequest, reply: FastifyReply, next: Next): void {
  const takeBack = putHeaders(reply)
  let passed = false
  requests.set(request.raw, request)
  try {
    handler(request.raw as HttpRequest, reply.raw, (error) => {
      passed = true
      takeBack()
      next(error)
    })
  } catch (error) {
    if (passed) throw error
    takeBack()
    next(error)
  }
}

/**
 * What hooks before have set, such as CORS headers, Fastify keeps for a reply of its own; so that one of the handler's has it,
 * too, it is put on Node's reply, and taken back where Fastify goes on.
 */
function putHeaders(reply: FastifyReply): () => void {
  const { raw } = reply
  const put = Object.entries(reply.getHeaders()).filter(([name]) => !raw.hasHeader(name))
  for (const [name, value] of put) if (value !== undefined) raw.setHeader(name, value)
  return () => {
    if (!raw.headersSent) for (const [name] of put) raw.removeHeader(name)
  }
}
