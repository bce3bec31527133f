import type { Json, ReplicatedNode, WriteConcern } from '@leasehold/core'
import type { Consistency } from '@leasehold/express'
import { type ErrorRequestHandler, type Request, type Response, Router } from 'express'
import { type KvCommands, type KvState, slot } from './machine.js'

type KvNode = ReplicatedNode<KvState, KvCommands>

/** A request that makes no sense; answered with 400. */
class BadRequest extends Error {}

/** The routes of the service. They write through the node alone. */
export function kvRoutes(node: KvNode, writeConcern: WriteConcern): Router {
  const router = Router()

  router.put('/kv/:key', async (req, res) => {
    const { index, term } = await node.submit(
      'put',
      { key: keyOf(req), value: field(req, 'value') },
      { writeConcern },
    )
    res.json({ index, term })
  })

  router.get('/kv/:key', (req, res) => {
    const { value, index } = read(node, (state) => state.values[slot(keyOf(req))])
    res.status(value === undefined ? 404 : 200).json({ value: value ?? null, index })
  })

  router.post('/kv/:key/cas', async (req, res) => {
    const args = { key: keyOf(req), expect: field(req, 'expect'), value: field(req, 'value') }
    const { result, index, term } = await node.submit('cas', args, { writeConcern })
    if (result.swapped) res.json({ index, term })
    else res.status(409).json({ value: result.present })
  })

  router.post('/list/:key', async (req, res) => {
    const item = field(req, 'item')
    if (typeof item !== 'string') throw new BadRequest('"item" must be a string')
    const { result, index, term } = await node.submit('push', { key: keyOf(req), item }, { writeConcern })
    res.json({ position: result, index, term })
  })

  router.get('/list/:key', (req, res) => {
    const { value, index } = read(node, (state) => state.lists[slot(keyOf(req))])
    res.json({ items: value ?? [], index })
  })

  return router
}

/** Answers requests that make no sense, bodies that are no JSON included. */
export const badRequests: ErrorRequestHandler = (error, _req, res: Response, next) => {
  const status = error instanceof BadRequest ? 400 : (error as { status?: unknown }).status
  if (res.headersSent || typeof status !== 'number' || status < 400 || status > 499) return next(error)
  res.status(status).json({ error: { code: 'BAD_REQUEST', message: (error as Error).message } })
}

/** How fresh a client wants its read; by default, no older than what it has seen. */
export function consistencyOf(req: Request): Consistency {
  const { consistency = 'session' } = req.query
  if (consistency === 'local' || consistency === 'session' || consistency === 'linearizable')
    return consistency
  throw new BadRequest('consistency must be local, session or linearizable')
}

/** Reads a value together with the index at which exactly it was read. */
function read<T>(node: KvNode, select: (state: KvState) => T): { value: T; index: number } {
  return node.read((state, { index }) => ({ value: select(state), index }))
}

function keyOf(req: Request): string {
  return req.params['key'] as string
}

function field(req: Request, name: string): Json {
  const body = req.body as Record<string, Json> | undefined
  const value =
    body !== null && typeof body === 'object' && Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined) throw new BadRequest(`The body must be JSON with "${name}"`)
  return value
}
