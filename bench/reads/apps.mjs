import { once } from 'node:events'
import express from 'express'
import { consistentReads, routeWrites } from '../../packages/express-adapter/dist/esm/index.js'

/** Apps with one handler, by what stands before it. */
const MIDDLEWARES = {
  bare: () => [],
  consistentReads: (node) => [consistentReads(node)],
  'routeWrites and consistentReads': (node) => [routeWrites(node), consistentReads(node)],
}

/** Resolves with the port where the app listens. */
export async function listen(name, node) {
  const app = express()
  for (const middleware of MIDDLEWARES[name](node)) app.use(middleware)
  app.get('/values/:key', (req, res) => {
    res.json({ value: node.read((state) => state[req.params.key]) })
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}
