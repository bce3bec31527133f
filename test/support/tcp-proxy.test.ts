import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'
import { eventually, once, within } from './deadline.js'
import { expectNoOpenHandles, handleSnapshot } from './open-handles.js'
import { type RedisServer, startRedis, stopAllRedis } from './redis-server.js'
import { closeAllProxies, startProxy, type TcpProxy } from './tcp-proxy.js'

/** One end of a connection, with all that it has received. */
interface Peer {
  readonly socket: Socket
  text(): string
  /** `'end'`, `'close'` and error codes, in the order they came. */
  readonly events: string[]
}

function peer(socket: Socket): Peer {
  let text = ''
  const events: string[] = []
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('end', () => events.push('end'))
  socket.on('close', () => events.push('close'))
  socket.on('error', (error: NodeJS.ErrnoException) => events.push(String(error.code)))
  return { socket, text: () => text, events }
}

/** What a promise is rejected with. */
async function errorOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `no error but ${String(value)}`,
    (error: Error) => error.message,
  )
}

/** Whether a chunk holds this word. */
const has = (word: string) => (chunk: Buffer) => chunk.includes(word)

afterEach(closeAllProxies)

describe('between plain sockets', () => {
  let target: Server
  let proxy: TcpProxy
  let accepted: Peer[]
  const clients: Socket[] = []

  beforeEach(async () => {
    accepted = []
    // Half-open, as the proxy: only what a test does ends a connection.
    target = createServer({ allowHalfOpen: true }, (socket) => accepted.push(peer(socket)))
    target.listen(0, '127.0.0.1')
    await once(target, 'listening')
    proxy = await startProxy({ targetPort: (target.address() as AddressInfo).port })
  })

  afterEach(async () => {
    for (const socket of [...clients.splice(0), ...accepted.map((end) => end.socket)]) socket.destroy()
    target.close()
    await closeAllProxies()
  })

  /** A client and the server's end of the same connection. */
  async function pair(): Promise<{ client: Peer; server: Peer }> {
    const before = accepted.length
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
    clients.push(socket)
    const client = peer(socket)
    const server = await eventually(() => accepted[before], { message: 'the connection to arrive' })
    return { client, server }
  }

  /** Waits until this end has received exactly this. */
  async function received(end: Peer, text: string): Promise<void> {
    await eventually(() => end.text() === text, { message: `"${text}" to arrive` })
  }

  it('passes everything on, ends as well, each direction for itself', async () => {
    const { client, server } = await pair()
    expect(proxy.connections).toBe(1)
    client.socket.write('hello')
    await received(server, 'hello')
    client.socket.end(' and bye')
    await received(server, 'hello and bye')
    await eventually(() => server.events.includes('end'))
    expect(client.events).toEqual([])

    const closed = once(proxy.events, 'closed')
    server.socket.end('still here')
    await received(client, 'still here')
    await closed
    expect(proxy.connections).toBe(0)
  })

  it('passes much at once unchanged', async () => {
    const { client, server } = await pair()
    const text = 'abcdefghij'.repeat(300_000)
    client.socket.end(text)
    await eventually(() => server.events.includes('end'))
    expect(server.text() === text).toBe(true)
  })

  it('passes a reset on as a close', async () => {
    const { client, server } = await pair()
    client.socket.resetAndDestroy()
    await eventually(() => server.events.length > 0)
    expect(server.events).toEqual(['end'])
  })

  it.each(['toServer', 'toClient'] as const)(
    'holds back what goes %s, in order, and releases it',
    async (direction) => {
      const { client, server } = await pair()
      const [from, to] = direction === 'toServer' ? [client, server] : [server, client]
      const other = direction === 'toServer' ? 'toClient' : 'toServer'
      proxy.hold(direction)
      from.socket.write('one ')
      await eventually(() => proxy.heldBytes(direction) === 4)
      from.socket.end('two')
      await eventually(() => proxy.heldBytes(direction) === 7)
      to.socket.write('other way')
      await received(from, 'other way')
      expect(proxy.heldBytes(other)).toBe(0)
      expect(to.text()).toBe('')
      expect(to.events).toEqual([])

      proxy.release()
      await received(to, 'one two')
      await eventually(() => to.events.includes('end'))
      expect(proxy.heldBytes(direction)).toBe(0)
    },
  )

  it('delivers what a client left behind that has closed while it was held', async () => {
    const { client, server } = await pair()
    proxy.hold('toServer')
    client.socket.write('last words')
    await eventually(() => proxy.heldBytes('toServer') === 10)
    client.socket.destroy()
    await eventually(() => client.events.includes('close'))
    expect(server.events).toEqual([])
    proxy.release()
    await received(server, 'last words')
    await eventually(() => server.events.includes('end'))
  })

  it('holds back from the chunk that matches, on its connection only', async () => {
    const [first, second] = [await pair(), await pair()]
    const bit = proxy.holdWhen('toServer', has('append'))
    first.client.socket.write('before ')
    await received(first.server, 'before ')
    first.client.socket.write('append ')
    await within(bit)
    first.client.socket.write('after')
    await eventually(() => proxy.heldBytes('toServer') === 12)
    second.client.socket.write('append by another')
    await received(second.server, 'append by another')
    expect(first.server.text()).toBe('before ')

    proxy.release()
    await received(first.server, 'before append after')
  })

  it('tells of what it holds', async () => {
    const { client } = await pair()
    proxy.hold('toServer')
    client.socket.write('12345')
    expect(await once(proxy.events, 'held')).toEqual(['toServer', 5])
  })

  it('swallows what goes to the client; a connection that has lost bytes stays mute', async () => {
    const { client, server } = await pair()
    proxy.swallowReplies()
    client.socket.write('request')
    await received(server, 'request')
    server.socket.write('reply')
    await eventually(() => proxy.lostBytes('toClient') === 5)

    proxy.heal()
    server.socket.write(', another')
    await eventually(() => proxy.lostBytes('toClient') === 14)
    expect(client.text()).toBe('')
    expect(client.events).toEqual([])

    const later = await pair()
    later.server.socket.write('heard')
    await received(later.client, 'heard')
  })

  it('goes silent both ways without closing, for new connections too, until it heals', async () => {
    const old = await pair()
    proxy.halfOpen()
    const during = await pair()
    for (const { client, server } of [old, during]) {
      client.socket.end('12')
      server.socket.write('345')
    }
    await eventually(() => proxy.lostBytes('toServer') === 4 && proxy.lostBytes('toClient') === 6)

    proxy.heal()
    const after = await pair()
    after.client.socket.write('request')
    await received(after.server, 'request')
    old.server.socket.write('6')
    await eventually(() => proxy.lostBytes('toClient') === 7)
    for (const { client, server } of [old, during]) {
      expect([client.text(), server.text(), ...client.events, ...server.events]).toEqual(['', ''])
    }
  })

  it('runs the request, loses its reply and closes', async () => {
    const { client, server } = await pair()
    let bitten = false
    const bit = proxy.cutAfterReplyTo(has('write')).then(() => {
      bitten = true
    })
    client.socket.write('read')
    await received(server, 'read')
    server.socket.write('value')
    await received(client, 'value')
    client.socket.write('write')
    await received(server, 'readwrite')
    const other = await pair()
    other.server.socket.write('to another')
    await received(other.client, 'to another')
    expect(client.events).toEqual([])

    server.socket.write('done')
    await eventually(() => server.events.includes('end'))
    expect(client.events).toEqual([])
    expect(bitten).toBe(false)
    server.socket.end()
    await within(bit)
    await eventually(() => client.events.includes('end'))
    expect(client.text()).toBe('value')
    expect(proxy.lostBytes('toClient')).toBe(4)
  })

  it.each(['toServer', 'toClient'] as const)(
    'cuts both sides at the chunk that matches, %s',
    async (direction) => {
      const { client, server } = await pair()
      const [from, to] = direction === 'toServer' ? [client, server] : [server, client]
      server.socket.on('end', () => server.socket.end())
      const bit = proxy.cutWhen(direction, has('cut'))
      from.socket.write('fine')
      await received(to, 'fine')
      from.socket.write('cut here')
      await within(bit)
      await eventually(() => client.events.includes('end') && server.events.includes('end'))
      expect(to.text()).toBe('fine')
      expect(proxy.lostBytes(direction)).toBe(8)
    },
  )

  it.each(['toServer', 'toClient'] as const)(
    'cuts a chunk that goes %s at a byte, passes on what is before that, and closes both sides',
    async (direction) => {
      const { client, server } = await pair()
      const [from, to] = direction === 'toServer' ? [client, server] : [server, client]
      const bit = proxy.cutWithin(direction, has('cut'), 5)
      from.socket.write('fine, ')
      await received(to, 'fine, ')
      from.socket.write('cut here')
      await within(bit)
      await eventually(() => client.events.includes('end') && server.events.includes('end'))
      expect(to.text()).toBe('fine, cut h')
    },
  )

  it('sends new connections elsewhere once it is told to', async () => {
    const others: Peer[] = []
    const other = createServer((socket) => others.push(peer(socket)))
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { client, server } = await pair()
    proxy.target((other.address() as AddressInfo).port)
    client.socket.write('stays')
    await received(server, 'stays')
    clients.push(connect(proxy.port, '127.0.0.1'))
    const { socket } = await eventually(() => others[0], { message: 'a connection elsewhere' })
    expect(accepted).toHaveLength(1)
    socket.destroy()
    other.close()
  })

  it('tells what it passes on, and nothing of what it keeps', async () => {
    const { client, server } = await pair()
    const passed: string[] = []
    proxy.events.on('passed', (chunk: Buffer, direction: string) =>
      passed.push(`${chunk.toString()} ${direction}`),
    )
    client.socket.write('one')
    await received(server, 'one')
    proxy.hold('toClient')
    server.socket.write('two')
    await eventually(() => proxy.heldBytes('toClient') === 3)
    expect(passed).toEqual(['one toServer'])
  })

  it('resets both sides of all connections', async () => {
    const pairs = [await pair(), await pair()]
    proxy.reset()
    for (const { client, server } of pairs) {
      await eventually(() => client.events.includes('close') && server.events.includes('close'))
      expect([...client.events, ...server.events]).toEqual(['ECONNRESET', 'close', 'ECONNRESET', 'close'])
    }
    expect(proxy.connections).toBe(0)
    await pair()
  })

  it('delays each chunk and keeps the order when the delay is lifted', async () => {
    const { client, server } = await pair()
    proxy.delay(60, 'toServer')
    const startMs = performance.now()
    client.socket.write('slow ')
    // The proxy must have read the first chunk before the delay changes.
    server.socket.write('mark')
    await received(client, 'mark')
    proxy.delay(0)
    client.socket.write('fast')
    await received(server, 'slow fast')
    // Timers and performance.now() round differently, by up to a millisecond.
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(59)
  })

  it('delays both directions if none is named', async () => {
    const { client, server } = await pair()
    server.socket.on('data', () => server.socket.write('pong'))
    proxy.delay(30)
    const startMs = performance.now()
    client.socket.write('ping')
    await received(client, 'pong')
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(58)
  })

  it('sends again what is lost, later each time, and keeps the order', async () => {
    const { client, server } = await pair()
    // Lost twice and then through; whatever comes behind it is never lost.
    const draws = [0, 0]
    proxy.loseSome(0.3, () => draws.shift() ?? 1, 'toServer')
    const startMs = performance.now()
    client.socket.write('lost twice, ')
    await eventually(() => proxy.sentAgain('toServer') === 2)
    client.socket.end('and behind it')
    server.socket.write('other way')
    await received(client, 'other way')
    const other = await pair()
    other.client.socket.write('not behind it')
    await received(other.server, 'not behind it')
    expect(server.text()).toBe('')

    await received(server, 'lost twice, and behind it')
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(599)
    await eventually(() => server.events.includes('end'))
    expect(proxy.sentAgain('toClient')).toBe(0)
    expect(proxy.lostBytes('toServer')).toBe(0)
  })

  it('loses again and again, and nothing once it is healed', async () => {
    const { client, server } = await pair()
    proxy.loseSome(0.3, seededRandom(1))
    let sent = ''
    for (let n = 1; n <= 5; n++) {
      sent += String(n)
      client.socket.write(String(n))
      await received(server, sent)
    }
    const sentAgain = proxy.sentAgain('toServer')
    expect(sentAgain).toBeGreaterThan(0)
    proxy.heal()
    client.socket.write('.')
    await received(server, `${sent}.`)
    expect(proxy.sentAgain('toServer')).toBe(sentAgain)
  })

  it('lets so much through and no more; whoever sends faster has to wait', async () => {
    const { client, server } = await pair()
    proxy.limit(100_000, 'toServer')
    const startMs = performance.now()
    const sent = 30_000
    client.socket.write('x'.repeat(sent))
    server.socket.write('other way')
    await received(client, 'other way')
    await eventually(() => server.text().length === sent, { message: 'all of it to arrive' })
    expect(performance.now() - startMs).toBeGreaterThanOrEqual((sent / 100_000) * 1000 - 1)
    expect(proxy.stalls('toServer')).toBeGreaterThan(0)
    expect(proxy.stalls('toClient')).toBe(0)
  })

  it('keeps no more than a buffer of what is sent too fast', async () => {
    const { client, server } = await pair()
    proxy.limit(10_000, 'toServer')
    const sent = 16 * 1024 * 1024
    client.socket.write(Buffer.alloc(sent, 'x'))
    await eventually(() => proxy.stalls('toServer') === 1)
    await eventually(() => server.text().length > 0)
    expect(client.socket.writableLength).toBeGreaterThan(0) // neither the proxy nor the system has taken it

    proxy.heal()
    await eventually(() => server.text().length === sent, { message: 'all of it to arrive' })
  })

  it('has all connections take turns on a narrow line', async () => {
    const [first, second] = [await pair(), await pair()]
    proxy.limit(20_000, 'toServer')
    first.client.socket.write('x'.repeat(20_000))
    await eventually(() => first.server.text().length > 0)
    second.client.socket.write('short')
    await received(second.server, 'short')
    expect(first.server.text().length).toBeLessThan(10_000)
    expect(proxy.queued('toServer')).toBeGreaterThan(0)
    expect(proxy.queued('toClient')).toBe(0)
  })

  it('refuses new connections and keeps the old ones', async () => {
    const old = await pair()
    proxy.refuse()
    const socket = connect(proxy.port, '127.0.0.1')
    const refused = peer(socket)
    await eventually(() => refused.events.includes('close'))
    expect(refused.events).toContain('ECONNRESET')
    expect(accepted).toHaveLength(1)
    old.client.socket.write('still there')
    await received(old.server, 'still there')

    proxy.accept()
    const later = await pair()
    later.client.socket.write('back')
    await received(later.server, 'back')
  })

  it('hangs up on clients whose server cannot be reached', async () => {
    target.close()
    const socket = connect(proxy.port, '127.0.0.1')
    const client = peer(socket)
    await eventually(() => client.events.includes('close'))
    expect(client.events).toEqual(['end', 'close'])
    expect(accepted).toEqual([])
  })

  it('lets go of everything when it closes', async () => {
    const before = handleSnapshot()
    const closing = await startProxy({ targetPort: (target.address() as AddressInfo).port })
    closing.delay(60_000)
    const socket = connect(closing.port, '127.0.0.1')
    const client = peer(socket)
    const server = await eventually(() => accepted[0])
    const { port } = closing
    socket.write('never arrives')
    await closing.close()
    await eventually(() => client.events.includes('close') && server.events.includes('close'))
    await expectNoOpenHandles(before)
    const refused = peer(connect(port, '127.0.0.1'))
    await eventually(() => refused.events.includes('ECONNREFUSED'))
    expect(server.text()).toBe('')
  })
})

describe('in front of Redis', () => {
  let redis: RedisServer
  let proxy: TcpProxy
  const clients: Redis[] = []

  beforeAll(async () => {
    redis = await startRedis()
  })
  beforeEach(async () => {
    await redis.wipe()
    proxy = await startProxy({ targetPort: redis.port })
  })
  afterEach(async () => {
    // ioredis waits with a timer for a socket to close, also for one that has closed already.
    for (const client of clients.splice(0)) if (client.status !== 'end') client.disconnect()
    await closeAllProxies()
  })
  afterAll(stopAllRedis)

  /** A client that never sends anything twice. */
  async function client(): Promise<Redis> {
    const made = new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: null })
    made.on('error', () => {})
    clients.push(made)
    await made.ping()
    return made
  }

  async function clientNames(): Promise<string[]> {
    const list = String(await redis.command('CLIENT', 'LIST'))
    return [...list.matchAll(/ name=(\S*)/g)].map(([, name]) => name ?? '')
  }

  it('a command whose reply is lost has run when the fault has bitten', async () => {
    const writer = await client()
    const bit = proxy.cutAfterReplyTo(has('counter'))
    const lost = errorOf(writer.incr('counter'))
    await within(bit)
    expect(await redis.command('GET', 'counter')).toBe('1')
    expect(await lost).toBe('Connection is closed.')
    expect(await (await client()).incr('counter')).toBe(2)
  })

  it('a command whose reply is lost behind the replies to others has run as well', async () => {
    const writer = await client()
    const bit = proxy.cutAfterReplyTo(has('counter'))
    await redis.pause()
    const all = Promise.allSettled([writer.set('a', '1'), writer.incr('counter'), writer.set('b', '2')])
    redis.resume()
    await within(bit)
    expect(await redis.command('MGET', 'a', 'counter', 'b')).toEqual(['1', '1', '2'])
    expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  })

  it('a lost reply is not faked: as long as Redis does not answer, nothing is cut', async () => {
    const writer = await client()
    const bit = proxy.cutAfterReplyTo(has('counter'))
    await redis.pause()
    const lost = errorOf(writer.incr('counter'))
    await expect(within(bit, { timeoutMs: 50 })).rejects.toThrow('Waited')
    expect(writer.status).toBe('ready')
    redis.resume()
    await within(bit)
    expect(await redis.command('GET', 'counter')).toBe('1')
    expect(await lost).toBe('Connection is closed.')
  })

  it('a command that is cut off has not run', async () => {
    const writer = await client()
    const bit = proxy.cutWhen('toServer', has('counter'))
    expect(await errorOf(writer.incr('counter'))).toBe('Connection is closed.')
    await within(bit)
    expect(await redis.command('GET', 'counter')).toBe(null)
  })

  it('bytes left in a closed socket run later, after what others did meanwhile', async () => {
    const writer = await client()
    const bit = proxy.holdWhen('toServer', has('late'))
    const lost = errorOf(writer.rpush('list', 'late'))
    await within(bit)
    proxy.detachHeld()
    expect(await lost).toBe('Connection is closed.')
    expect(proxy.connections).toBe(0)

    const next = await client()
    expect(await next.rpush('list', 'in between')).toBe(1)
    await proxy.deliverHeld()
    expect(await next.lrange('list', '0', '-1')).toEqual(['in between', 'late'])
    expect(proxy.heldBytes('toServer')).toBe(0)
  })

  it('detaches what a general hold kept, and holds no later connection', async () => {
    const [writer, idle] = [await client(), await client()]
    proxy.hold('toServer')
    const lost = errorOf(writer.set('key', 'late'))
    await eventually(() => proxy.heldBytes('toServer') > 0)
    proxy.detachHeld()
    expect(await lost).toBe('Connection is closed.')
    expect(await idle.get('key')).toBe(null)
    expect(await (await client()).get('key')).toBe(null)
    // Other faults end; detached bytes wait for `deliverHeld`.
    proxy.release()
    expect(await idle.get('key')).toBe(null)
    await proxy.deliverHeld()
    expect(await idle.get('key')).toBe('late')
  })

  it('detached bytes that nobody delivers never run', async () => {
    const writer = await client()
    const bit = proxy.holdWhen('toServer', has('late'))
    const lost = errorOf(writer.set('key', 'late'))
    await within(bit)
    proxy.detachHeld()
    expect(await lost).toBe('Connection is closed.')
    await proxy.close()
    // Redis has seen the connection close, so nothing can come of it any more.
    await eventually(async () => (await clientNames()).length === 1)
    expect(await redis.command('GET', 'key')).toBe(null)
  })
})
