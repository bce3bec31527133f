import compression from 'compression'
import type { RequestHandler } from 'express'
import session from 'express-session'
import { setTimeout as sleep } from 'node:timers/promises'
import { consistentReads, routeWrites } from '../src/index.js'
import { send } from './support/http-client.js'
import { closeAll, EXPRESS, startInstanceOf } from './support/instances.js'
import { ReplicaNode } from './support/replica-node.js'

afterEach(closeAll)

describe.each(EXPRESS)('the position cookie on %s', (_version, express) => {
  const none: RequestHandler = (_req, _res, next) => next()
  test.each<[string, RequestHandler]>([
    ['nothing', none],
    ['compression', compression()],
    ['express-session', session({ secret: 's', resave: false, saveUninitialized: true })],
  ])('covers a write that nobody awaited, behind %s', async (_what, middleware) => {
    const leader = await startInstanceOf(new ReplicaNode('leader'), express, (app, node) => {
      node.answer = async (opId) => {
        await sleep(20)
        node.apply(8)
        return opId
      }
      app.use(routeWrites(node.asNode), consistentReads(node.asNode), middleware)
      app.use((_req, res) => {
        void node.write()
        res.json({})
      })
    })
    leader.node.lead(1)
    const { headers } = await send(leader.url, { method: 'POST' })
    expect(headers['leasehold-position']).toBe('log.1.8')
    expect(headers['set-cookie']).toContainEqual(expect.stringContaining('leasehold-group=log.1.8;'))
  })
})
