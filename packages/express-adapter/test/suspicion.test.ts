import type { Socket } from 'node:net'
import { routeWrites } from '../src/index.js'
import { open, send } from './support/http-client.js'
import { closeAll, closeServer, cut, elect, EXPRESS, freePort, startInstance } from './support/instances.js'
import { until } from './support/until.js'

afterEach(closeAll)

const POST = { method: 'POST' }

describe.each(EXPRESS)('on %s a follower suspects the leader', (_version, express) => {
  const start = (id: string) =>
    startInstance(express, id, (app, node) => {
      app.use(routeWrites(node.asNode, { hold: { ms: 200 }, mode: 'forward' }))
      app.post('/never', () => {})
      app.use((_req, res) => void res.send(id))
    })

  const group = async () => {
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    const sockets = new Set<Socket>()
    leader.server.on('connection', (socket) => sockets.add(socket))
    elect(3, leader, follower)
    return { leader, follower, sockets }
  }

  it('when a request that it sent breaks off', async () => {
    const { follower, sockets } = await group()
    const { req } = open(`${follower.url}/never`, POST)
    req.end()
    await until('the leader has the request', () => sockets.size === 1)
    expect(follower.node.suspects).toEqual([])
    for (const socket of sockets) cut(socket)
    await until('a suspicion', () => follower.node.suspects.length > 0)
    expect(new Set(follower.node.suspects)).toEqual(new Set(['leader']))
    req.destroy()
  })

  it('when a connection breaks that nobody uses', async () => {
    const { leader, follower } = await group()
    expect(await send(`${follower.url}/a`, POST)).toMatchObject({ status: 200 })
    expect(follower.node.suspects).toEqual([])
    await closeServer(leader.server)
    await until('a suspicion', () => follower.node.suspects.length > 0)
    expect(follower.node.suspects).toContain('leader')
  })

  it('when it takes no connection', async () => {
    const { leader, follower } = await group()
    follower.node.follow({ id: 'gone', term: 4, url: `http://127.0.0.1:${await freePort()}` })
    expect(await send(`${follower.url}/a`, POST)).toMatchObject({ status: 503 })
    expect(new Set(follower.node.suspects)).toEqual(new Set(['gone']))
    expect(leader.node.suspects).toEqual([])
  })

  it('but not when its own client goes away, or somebody else leads by now', async () => {
    const { leader, follower, sockets } = await group()
    const other = await start('other')
    const { req } = open(`${follower.url}/never`, POST)
    req.end()
    await until('the leader has the request', () => sockets.size === 1)
    const [socket] = sockets
    req.destroy()
    await until('the leader has lost the connection', () => socket?.destroyed ?? false)

    expect(await send(`${follower.url}/a`, POST)).toMatchObject({ status: 200 })
    elect(4, other, leader, follower)
    await until('the leader has lost its connections', () => [...sockets].every((socket) => socket.destroyed))
    expect(await send(`${follower.url}/a`, POST)).toMatchObject({ status: 200, text: 'other' })
    expect(follower.node.suspects).toEqual([])
  })
})
