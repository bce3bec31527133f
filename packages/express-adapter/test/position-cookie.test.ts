import type { Position } from '@leasehold/core'
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

  test('is sent only to a client whose own says something else', async () => {
    const reader = await startInstanceOf(new ReplicaNode('reader'), express, (app, node) => {
      app.use(consistentReads(node.asNode), (_req, res) => void res.json({}))
    })
    reader.node.apply(8)
    const setFor = async (cookie: string) =>
      (await send(reader.url, { headers: { Cookie: `leasehold-group=${cookie}` } })).headers['set-cookie']
    expect(await setFor('log.1.8')).toBeUndefined()
    for (const other of ['log.1.7', 'log.0.8', 'nonsense'])
      expect(await setFor(other)).toEqual([expect.stringContaining('leasehold-group=log.1.8;')])
  })

  test.each([
    [{ 'Cache-Control': 'public, max-age=60' }, false],
    [{ 'Cache-Control': 'no-cache, public, max-age=60' }, false],
    [{ 'Cache-Control': 'max-age="60"' }, false],
    [{ 'CDN-Cache-Control': 'max-age=60' }, false],
    [{ Expires: new Date(Date.now() + 3_600_000).toUTCString() }, false],
    [{ 'Cache-Control': 'private, max-age=60' }, true],
    [{ 'Cache-Control': 'no-store' }, true],
    [{ 'Cache-Control': 'max-age=0, must-revalidate' }, true],
    [{ 'Cache-Control': 'no-cache', Expires: new Date(Date.now() + 3_600_000).toUTCString() }, true],
    [{ Expires: '0' }, true],
    [{}, true],
  ])('is not set on what says that a cache may store it: %j', async (headers, isSet) => {
    const reader = await startInstanceOf(new ReplicaNode('reader'), express, (app, node) => {
      app.use(consistentReads(node.asNode), (_req, res) => void res.set(headers).json({}))
    })
    expect((await send(reader.url)).headers['set-cookie'] !== undefined).toBe(isSet)
  })

  test('that asks for what is there already is not waited for', async () => {
    const reader = await startInstanceOf(new ReplicaNode('reader'), express, (app, node) => {
      const asNode = Object.assign(node.asNode, { isReadableAt: (at: Position) => node.hasApplied(at) })
      app.use(consistentReads(asNode), (_req, res) => void res.json({}))
    })
    reader.node.apply(8)
    for (const position of ['log.1.8', 'log.1.9'])
      await send(reader.url, { headers: { Cookie: `leasehold-group=${position}` } })
    expect(reader.node.asked.map(({ position }) => position?.index)).toEqual([9])
  })
})
