import { once } from 'node:events'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Response } from 'express'
import { clusterRouter, gracefulShutdown, type GracefulShutdownOptions, routeWrites } from '../src/index.js'
import { open, send } from './support/http-client.js'
import { closeAll, EXPRESS, startInstance } from './support/instances.js'
import { until } from './support/until.js'

const uninstalls: (() => void)[] = []
const exitCode = process.exitCode

afterEach(async () => {
  for (const uninstall of uninstalls.splice(0)) uninstall()
  process.exitCode = exitCode
  await closeAll()
})

describe.each(EXPRESS)('gracefulShutdown on %s', (_version, express) => {
  const start = async (options: GracefulShutdownOptions = {}) => {
    const open: Response[] = []
    const instance = await startInstance(express, 'me', (app, node) => {
      app.use('/cluster', clusterRouter(node.asNode))
      app.use(routeWrites(node.asNode))
      app.get('/slow', (_req, res) => void open.push(res))
      app.get('/quick', (_req, res) => void res.send('quick'))
    })
    let closed = false
    instance.server.on('close', () => (closed = true))
    uninstalls.push(gracefulShutdown(instance.server, instance.node.asNode, options))
    return { ...instance, open, isClosed: () => closed }
  }
  const signal = (name: NodeJS.Signals = 'SIGTERM') => void process.emit(name)

  test('fails readiness, hands over while it serves, drains, and ends with code 0', async () => {
    const me = await start()
    const agent = new Agent({ keepAlive: true })
    let handOver = () => {}
    me.node.stopped = () => new Promise((resolve) => (handOver = resolve))
    const slow = send(`${me.url}/slow`, { agent })
    await until('a request is in flight', () => me.open.length === 1)
    expect((await send(`${me.url}/cluster/readyz`)).status).toBe(200)

    signal()
    signal('SIGINT') // a second signal changes nothing
    const readyz = await send(`${me.url}/cluster/readyz`)
    expect(readyz).toMatchObject({ status: 503, json: { reason: 'shutting down' } })
    const quick = await send(`${me.url}/quick`)
    expect(quick).toMatchObject({ status: 200, text: 'quick', headers: { connection: 'close' } })
    expect(me.isClosed()).toBe(false)

    handOver()
    await until('it takes no more connections', () => !me.server.listening)
    await expect(send(`${me.url}/quick`)).rejects.toThrow('ECONNREFUSED')
    me.open[0]?.send('done')
    expect(await slow).toMatchObject({ status: 200, text: 'done' })
    await until('the server is closed', me.isClosed)
    await until('the exit code is set', () => process.exitCode === 0)
    agent.destroy()
  })

  test('another instance that still takes it for the leader is answered, on the connection that it has', async () => {
    const me = await start()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const headers = { 'leasehold-forwarded': 'v=1' }
    let stopped = false
    me.node.stopped = async () => void (stopped = true)
    expect((await send(`${me.url}/quick`, { agent, headers })).status).toBe(200)

    signal()
    await until('the node has stopped', () => stopped)
    const { req, reply } = open(`${me.url}/quick`, { agent, headers })
    req.end()
    expect(await reply).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(req.reusedSocket).toBe(true)
    await until('the server is closed', me.isClosed)
    agent.destroy()
  })

  test('does not wait for other instances that keep their connections for ever', async () => {
    const me = await start()
    const agent = new Agent({ keepAlive: true })
    await send(`${me.url}/quick`, { agent, headers: { 'leasehold-forwarded': 'v=1' } })
    signal()
    await until('the server is closed', me.isClosed)
    expect(me.isClosed()).toBe(true)
    agent.destroy()
  })

  test('waits delayMs before it hands over', async () => {
    const me = await start({ delayMs: 100, deadlineMs: 5000 })
    let stoppedAt = 0
    me.node.stopped = () => void (stoppedAt = performance.now()) as never
    const begun = performance.now()
    signal('SIGINT')
    await until('the server is closed', me.isClosed)
    expect(stoppedAt - begun).toBeGreaterThanOrEqual(99)
  })

  test('cuts what is left at the deadline, even if the node does not stop', async () => {
    const me = await start({ deadlineMs: 100 })
    me.node.stopped = () => new Promise(() => {})
    const { req, reply } = open(`${me.url}/slow`)
    req.end()
    await until('a request is in flight', () => me.open.length === 1)
    signal()
    await expect(reply).rejects.toThrow('hang up')
    await until('the server is closed', me.isClosed)
  })

  test('cuts a WebSocket at the deadline, which the server does not count among its connections', async () => {
    const me = await start({ deadlineMs: 100 })
    me.server.on(
      'upgrade',
      (_req, socket: Duplex) =>
        void socket.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    )
    const { req } = open(me.url, { headers: { connection: 'Upgrade', upgrade: 'x' } })
    const upgraded = new Promise<Duplex>((resolve) => req.on('upgrade', (_res, socket) => resolve(socket)))
    req.end()
    const socket = await upgraded
    const closed = once(
      socket.on('error', () => {}),
      'close',
    )
    signal()
    await until('the server is closed', me.isClosed)
    await closed
    expect(socket.destroyed).toBe(true)
  })

  test('a connection on which nothing was ever sent holds nobody up', async () => {
    const me = await start({ deadlineMs: 60_000 })
    const socket = connect(me.port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    await send(`${me.url}/quick`) // accepted after that one
    const begun = performance.now()
    signal()
    await until('the server is closed', me.isClosed)
    expect(performance.now() - begun).toBeLessThan(30_000)
    socket.destroy()
  })

  test('a long body that comes for a leader which stops is answered that it does not lead', async () => {
    const me = await start()
    const follower = await startInstance(express, 'follower', (app, node) => {
      app.use(routeWrites(node.asNode, { hold: { ms: 100 } }))
    })
    follower.node.follow({ id: 'me', term: 3, url: me.url })
    let handOver = () => {}
    me.node.stopped = () => new Promise((resolve) => (handOver = resolve))
    signal()
    for (let n = 0; n < 3; n++)
      expect(await send(follower.url, { method: 'POST' }, Buffer.alloc(20_000_000))).toMatchObject({
        status: 503,
        json: { error: { code: 'NO_LEADER' } },
      })
    handOver()
    await until('the server is closed', me.isClosed)
  })

  test('writes that wait for a leader are refused once the node has left', async () => {
    const me = await start()
    const write = send(me.url, { method: 'POST' })
    await until('the write waits', () => me.node.listenerCount('elected') > 0)
    const begun = performance.now()
    signal()
    expect(await write).toMatchObject({ status: 503, json: { error: { code: 'NO_LEADER' } } })
    expect(performance.now() - begun).toBeLessThan(4000)
    await until('the server is closed', me.isClosed)
  })

  test('a node that fails to stop is logged, and the rest goes on', async () => {
    const logged: string[] = []
    const log = (_fields: object, message: string) => void logged.push(message)
    const me = await start({ logger: { debug: log, info: log, warn: log, error: log } })
    me.node.stopped = () => Promise.reject(new Error('Redis is gone'))
    signal()
    await until('all is said', () => logged.includes('shut down'))
    expect(logged).toEqual(['shutting down', 'the node did not stop cleanly', 'shut down'])
  })

  test("does not overwrite the app's own exit code", async () => {
    const me = await start()
    process.exitCode = 7
    signal()
    await until('the server is closed', me.isClosed)
    expect(process.exitCode).toBe(7)
  })

  test('the function it returns takes the handlers away', async () => {
    const before = process.listenerCount('SIGTERM')
    await start()
    expect(process.listenerCount('SIGTERM')).toBe(before + 1)
    uninstalls.pop()?.()
    expect(process.listenerCount('SIGTERM')).toBe(before)
    expect(process.listenerCount('SIGINT')).toBe(before)
  })

  test('refuses times that make no sense', async () => {
    await expect(start({ delayMs: -1, deadlineMs: 0.5 })).rejects.toMatchObject({
      problems: [expect.stringMatching(/^delayMs/), expect.stringMatching(/^deadlineMs/)],
    })
    await expect(start({ delayMs: 10, deadlineMs: 10 })).rejects.toThrow('must be below deadlineMs')
  })
})
