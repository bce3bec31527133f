import { createRequire } from 'node:module'
import { join } from 'node:path'
import express from 'express'
import type { NodeMetrics } from '@leasehold/core'
import { clusterRouter, type RouteWritesOptions, routeWrites } from '../src/index.js'
import { postJson, send } from './support/http-client.js'
import { closeAll, cut, elect, freePort, startInstance } from './support/instances.js'
import { type Handler, startRepeating } from './support/repeating-instances.js'
import type { StandInNode } from './support/stand-in-node.js'
import { until } from './support/until.js'

afterEach(closeAll)

type Counting = Pick<NodeMetrics, 'forwarded' | 'waits' | 'held' | 'resent'>

/** Has a node's requests counted: `forwarded answered`, `held full` and so on, and those that wait. */
function countsOf(node: StandInNode): { readonly counts: Record<string, number>; waiting: () => number } {
  const counts: Record<string, number> = {}
  let waiting = 0
  const count = (what: string) => (outcome: string) => {
    counts[`${what} ${outcome}`] = (counts[`${what} ${outcome}`] ?? 0) + 1
  }
  const held = count('held')
  const metrics: Counting = {
    forwarded: count('forwarded'),
    resent: count('resent'),
    waits: () => void waiting++,
    held: (outcome) => {
      if (outcome !== 'full') waiting--
      held(outcome)
    },
  }
  Object.assign(node, { metrics })
  return { counts, waiting: () => waiting }
}

const start = (id: string, options?: RouteWritesOptions, handler?: Handler) =>
  startRepeating(express, id, options, handler)

test('a request that is forwarded, and one that is served here', async () => {
  const [leader, follower] = [await start('leader'), await start('follower')]
  const { counts } = countsOf(follower.node)
  const ofLeader = countsOf(leader.node)
  elect(3, leader, follower)
  await postJson(follower.url, {})
  await postJson(leader.url, {})
  expect(counts).toEqual({ 'forwarded answered': 1 })
  expect(ofLeader.counts).toEqual({})
})

test('a request that waits for a leader, and then finds one', async () => {
  const [leader, follower] = [await start('leader'), await start('follower')]
  const { counts, waiting } = countsOf(follower.node)
  const reply = postJson(follower.url, {})
  await until('it waits', () => waiting() === 1)
  elect(3, leader, follower)
  expect((await reply).status).toBe(200)
  expect(counts).toEqual({ 'held released': 1, 'forwarded answered': 1 })
  expect(waiting()).toBe(0)
})

test('one that finds none, one for which there is no room, and one whose client goes away', async () => {
  const follower = await start('follower', { hold: { ms: 300, maxRequests: 1 } })
  const { counts, waiting } = countsOf(follower.node)
  const reply = postJson(follower.url, {})
  await until('it waits', () => waiting() === 1)
  expect((await postJson(follower.url, {})).status).toBe(503)
  expect(counts).toEqual({ 'held full': 1 })
  expect((await reply).status).toBe(503)
  expect(counts).toEqual({ 'held full': 1, 'held expired': 1 })

  const gone = new AbortController()
  const third = fetch(follower.url, { method: 'POST', signal: gone.signal }).catch(() => 'gone')
  await until('it waits', () => waiting() === 1)
  gone.abort()
  expect(await third).toBe('gone')
  await until('it waits no more', () => waiting() === 0)
  expect(counts).toEqual({ 'held full': 1, 'held expired': 1, 'held gone': 1 })
})

test('a request that went to a leader which is not there, and then to the next', async () => {
  const [next, follower] = [await start('next'), await start('follower')]
  const { counts } = countsOf(follower.node)
  follower.node.follow({ id: 'dead', term: 3, url: `http://127.0.0.1:${await freePort()}` })
  const reply = postJson(follower.url, {})
  await until('the dead one was tried', () => counts['forwarded refused'] === 1)
  elect(4, next, follower)
  expect((await reply).status).toBe(200)
  expect(counts).toMatchObject({ 'forwarded answered': 1, 'resent answered': 1 })
  expect(counts).not.toHaveProperty(['resent unknown'])
})

test('one whose leader vanished under it, sent again or not', async () => {
  const [next, follower] = [await start('next'), await start('follower')]
  const { counts } = countsOf(follower.node)
  const vanishing: Handler = (req) => {
    elect(4, next, follower)
    cut(req.socket)
  }
  elect(3, await start('old', {}, vanishing), follower)
  expect((await postJson(follower.url, {})).status).toBe(200)
  expect(counts).toEqual({ 'forwarded unknown': 1, 'forwarded answered': 1, 'resent answered': 1 })

  const careful = await start('careful', { resend: false })
  const ofCareful = countsOf(careful.node)
  const old = await start('old', {}, (req) => cut(req.socket))
  elect(5, old, careful)
  expect((await postJson(careful.url, {})).status).toBe(504)
  expect(ofCareful.counts).toEqual({ 'forwarded unknown': 1 })
})

test('one that was sent again and found nobody in the end', async () => {
  const follower = await start('follower', { hold: { ms: 300 } })
  const { counts } = countsOf(follower.node)
  const again = await start('again', {}, (req) => {
    follower.node.follow(undefined)
    cut(req.socket)
  })
  const old = await start('old', {}, (req) => {
    elect(4, again, follower)
    cut(req.socket)
  })
  elect(3, old, follower)
  expect((await postJson(follower.url, {})).status).toBe(504)
  expect(counts).toEqual({ 'forwarded unknown': 2, 'held expired': 1, 'resent unknown': 1 })
})

test('a leader that is deposed while it runs a request passes it on: that is sending it again', async () => {
  const next = await start('next')
  const old = await start('old', {}, async (_req, res, node) => {
    elect(4, next, old)
    await node.write().catch(() => {})
    res.send('what nobody must hear')
  })
  const { counts } = countsOf(old.node)
  elect(3, old)
  expect(await postJson(old.url, {})).toMatchObject({ status: 200, json: { by: 'next' } })
  expect(counts).toEqual({ 'forwarded answered': 1, 'resent answered': 1 })
})

describe('/metrics without prom-client', () => {
  const promClient = createRequire(join(__dirname, '../../core/package.json')).resolve('prom-client')
  afterEach(() => jest.dontMock(promClient))

  test('says what to install', async () => {
    jest.doMock(promClient, () => {
      throw Object.assign(new Error("Cannot find module 'prom-client'"), { code: 'MODULE_NOT_FOUND' })
    })
    const { url } = await startInstance(express, 'me', (app, node) => {
      Object.assign(node, { metrics: { read: () => ({}), queuedJobs: async () => 0 } })
      app.use('/cluster', clusterRouter(node.asNode))
      app.use(routeWrites(node.asNode))
    })
    for (let time = 0; time < 2; time++)
      expect(await send(`${url}/cluster/metrics`, { method: 'GET' })).toMatchObject({
        status: 501,
        json: {
          error: { code: 'NOT_SUPPORTED', message: expect.stringContaining('npm install prom-client') },
        },
      })
  })
})
