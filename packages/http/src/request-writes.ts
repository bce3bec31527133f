import { AsyncResource } from 'node:async_hooks'
import type { AdapterNode } from './adapter-node.js'
import type { HttpRequest } from './framework.js'

/**
 * What a routed request knows of its writes: `req.leasehold`, there while `routeWrites` has the request served here by a
 * node with a state machine.
 *
 * `node.write` knows by itself which request it is part of, by the asynchronous context, also in the request's own events.
 * Where that context is lost, as in a callback of a pool that was made before, these keep it.
 *
 * @example
 * ```ts
 * pool.query('…', (error, rows) => {
 *   req.leasehold.write('import', rows).then(() => res.sendStatus(204), next)
 * })
 * ```
 */
export interface RequestWrites {
  /** Names the request, the same however often it is sent; a client can use it as an `Idempotency-Key`. */
  readonly requestId: string
  /** As `node.write`, as a part of this request wherever it is called. `run` does the same with types. */
  write(command: string, args?: unknown, options?: object): Promise<unknown>
  /** Runs `part` as a part of this request: `req.leasehold.run(() => node.submit('deposit', args))`. */
  run<T>(part: () => T): T
}

/** A method of a node that takes commands, seen from where they are not known. */
type Write = (command: string, args: unknown, options: object | undefined) => Promise<unknown>

/**
 * Gives the request its `leasehold`, and its events the asynchronous context of this call: without that, a handler that
 * listens to them itself, or a parser of multipart bodies, writes outside of the request.
 */
export function bindRequest(node: AdapterNode, req: HttpRequest, requestId: string): void {
  // Not AsyncResource.bind(), which in Node 20 makes a warning of deprecation for each function that it binds.
  const context = new AsyncResource('LeaseholdRequest')
  const run = <T>(part: () => T): T => context.runInAsyncScope(part)
  const emit = req.emit.bind(req) as (...args: unknown[]) => boolean
  req.emit = (...args: unknown[]) => run(() => emit(...args))
  const write = (node as { write?: Write }).write?.bind(node)
  req.leasehold = {
    requestId,
    run,
    write: (command, args, options) =>
      run(() => write?.(command, args, options) ?? Promise.reject(new TypeError('This node has no writes'))),
  }
}
