import { parsePosition } from '@leasehold/core'
import { type Request, Router } from 'express'
import { type BoardNode, feedOf } from './feed.js'
import { sendEvents } from './sse.js'

/** The feed, and where else there is one. */
export function feedRoutes(node: BoardNode): Router {
  const router = Router()

  router.get('/feed', async (req, res) => {
    const seen = parsePosition(lastSeenBy(req))
    await sendEvents(res, (signal) => feedOf(node, seen, signal))
  })

  router.get('/instances', async (_req, res) => {
    const { members } = await node.groupStatus()
    res.json(members.filter(({ alive }) => alive).map(({ publicUrl }) => publicUrl))
  })

  return router
}

/** The routes that write. */
export function noteRoutes(node: BoardNode): Router {
  const router = Router()

  router.post('/notes', async (req, res) => {
    const { text } = (req.body ?? {}) as { text?: unknown }
    if (typeof text !== 'string' || text === '' || text.length > 1000) {
      res
        .status(400)
        .json({ error: { code: 'BAD_REQUEST', message: '"text" must have 1 to 1000 characters' } })
      return
    }
    res.status(201).json(await node.write('post', { text }))
  })

  router.delete('/notes/:id', async (req, res) => {
    res.json(await node.write('erase', { id: Number(req.params.id) }))
  })

  router.get('/notes', (_req, res) => {
    res.json(node.read((state) => state.notes))
  })

  return router
}

/** A browser that comes back to the same address sends the header; a page that chooses another one says it in the query. */
function lastSeenBy(req: Request): string {
  const { after } = req.query
  return req.get('last-event-id') ?? (typeof after === 'string' ? after : '')
}
