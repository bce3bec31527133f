import type { Request, Response } from 'express'
import { clusterErrors, routeWrites, type RouteWritesOptions } from '../../src/index.js'
import { type ExpressFactory, type Instance, startInstanceOf } from './instances.js'
import { RepeatingNode } from './repeating-node.js'

/** What an instance does with a request that is served there. */
export type Handler = (req: Request, res: Response, node: RepeatingNode) => unknown

/** Writes once and says who did. */
export const writeOnce: Handler = async (_req, res, node) => {
  const opId = await node.write()
  res.set('X-Handler', node.id).json({ by: node.id, opId })
}

/** An instance whose every request is handled by `handler`, behind `routeWrites`. */
export function startRepeating(
  express: ExpressFactory,
  id: string,
  options: RouteWritesOptions = {},
  handler: Handler = writeOnce,
): Promise<Instance<RepeatingNode>> {
  return startInstanceOf(new RepeatingNode(id), express, (app, node) => {
    app.use(routeWrites(node.asNode, options), express.json())
    app.use((req, res, next) => void Promise.resolve(handler(req, res, node)).catch(next))
    app.use(clusterErrors(node.asNode))
  })
}
