import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createNode, type Logger } from '@leasehold/core'
import {
  clusterErrors,
  clusterRouter,
  gracefulShutdown,
  type LeaderTls,
  routeWrites,
} from '@leasehold/express'
import express from 'express'
import { ledger } from '../faults/ledger.js'
import { Authority, type Certificate } from '../support/certificates.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

let redis: RedisServer
let authority: Authority
let stranger: Authority
/** Of whoever asks over HTTP. */
let client: Certificate
const instances: Instance[] = []
let groups = 0

beforeAll(async () => {
  ;[redis, authority, stranger] = await Promise.all([
    startRedis(),
    Authority.create(),
    Authority.create('Other CA'),
  ])
  client = await authority.issue({ hosts: ['client.test'] })
})
beforeEach(() => void groups++)
afterEach(() => Promise.all(instances.splice(0).map((instance) => instance.end())))
afterAll(stopAll)

/** What the app answers to a write. */
interface Written {
  readonly place: number
  readonly leader: string
  readonly headers: IncomingHttpHeaders
}

interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Written & { readonly error?: { readonly code: string; readonly message: string } }
}

/** An app with its node behind an https server. */
class Instance {
  readonly name: string
  readonly node
  readonly warnings: unknown[] = []
  readonly #server: Server
  readonly #release: () => void

  private constructor(name: string, server: Server, tls: LeaderTls, holdMs: number) {
    const { port } = server.address() as AddressInfo
    this.name = name
    this.#server = server
    this.node = createNode({
      group: `tls-${groups}`,
      name,
      redis: redis.url,
      lease: { ttlMs: 2000 },
      heartbeatMs: 200,
      url: `https://127.0.0.1:${port}`,
      stateMachine: ledger,
    })
    const warn = (fields: object) => void this.warnings.push(fields)
    const logger: Logger = { warn, debug() {}, info() {}, error() {} }
    const app = express()
    app.use('/cluster', clusterRouter(this.node))
    app.use(routeWrites(this.node, { tls, logger, hold: { ms: holdMs } }))
    app.post('/items/:item', async (req, res) => {
      const place = await this.node.write('add', req.params.item)
      res.json({ place, leader: name, headers: req.headers })
    })
    app.use(clusterErrors(this.node))
    server.on('request', app)
    this.#release = gracefulShutdown(server, this.node, { signals: ['SIGUSR2'] })
  }

  /** Starts one that shows `own`, and asks for a certificate if it is mutual. */
  static async start(
    name: string,
    options: { own?: Certificate; tls: LeaderTls; mutual?: boolean; holdMs?: number },
  ): Promise<Instance> {
    const { tls, mutual = false, own = await authority.issue(), holdMs = 10_000 } = options
    const asking = { ca: authority.cert, requestCert: mutual, rejectUnauthorized: mutual }
    const server = createServer({ ...own, ...asking })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const instance = new Instance(name, server, tls, holdMs)
    instances.push(instance)
    await instance.node.start()
    return instance
  }

  /** As clients outside ask, who know the CA. */
  async write(item: string): Promise<Reply> {
    const { port } = this.#server.address() as AddressInfo
    const host = { host: '127.0.0.1', port, path: `/items/${item}`, headers: { host: 'shop.example' } }
    const req = request({
      ...host,
      method: 'POST',
      agent: false,
      servername: '',
      ca: authority.cert,
      ...client,
    })
    req.end()
    const [res] = (await once(req, 'response')) as [AsyncIterable<Buffer> & Reply & { statusCode: number }]
    const chunks: Buffer[] = []
    for await (const chunk of res) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Reply['body']
    return { status: res.statusCode, headers: res.headers, body }
  }

  get listening(): boolean {
    return this.#server.listening
  }

  async end(): Promise<void> {
    this.#release()
    this.#server.closeAllConnections()
    if (this.#server.listening) this.#server.close()
    await this.node.stop()
  }
}

/** The one that leads, and the others. */
async function leaderOf(all: readonly Instance[]): Promise<[leader: Instance, ...followers: Instance[]]> {
  const leader = await eventually(() => all.find(({ node }) => node.isLeader), { message: 'a leader' })
  return [leader, ...all.filter((instance) => instance !== leader)]
}

describe.each([
  ['with a CA of their own', false],
  ['that ask each other for certificates', true],
])('instances behind https, %s', (_, mutual) => {
  async function startThree(): Promise<Instance[]> {
    const all: Instance[] = []
    for (const name of ['a', 'b', 'c']) {
      const own = await authority.issue()
      all.push(await Instance.start(name, { own, mutual, tls: { ca: authority.cert, ...(mutual && own) } }))
    }
    return all
  }

  it('send writes to the leader, whichever got them, and go on with the next one when it leaves', async () => {
    const all = await startThree()
    const [leader, ...followers] = await leaderOf(all)
    for (const [n, instance] of all.entries()) {
      const { status, body } = await instance.write(`from-${instance.name}`)
      expect({ status, place: body.place, leader: body.leader }).toEqual({
        status: 200,
        place: n + 1,
        leader: leader.name,
      })
      expect(body.headers).toMatchObject({ host: 'shop.example' })
    }
    const { body } = (await followers[0]?.write('seen')) ?? {}
    expect(body?.headers).toMatchObject({
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-for': '127.0.0.1',
    })

    // Every write through a follower is answered while the leader leaves.
    const leaving = leader.node.stop()
    const replies = await Promise.all(
      followers.flatMap((follower) =>
        ['x', 'y', 'z'].map((item) => follower.write(`${follower.name}${item}`)),
      ),
    )
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200))
    await leaving
    const [next, ...others] = await leaderOf(followers)
    expect((await others[0]?.write('last'))?.body).toMatchObject({
      leader: next.name,
      place: all.length + 1 + replies.length + 1,
    })
    expect(all.flatMap(({ warnings }) => warnings)).toEqual([])
  })

  it('are taken down by gracefulShutdown', async () => {
    const all = await startThree()
    const [leader] = await leaderOf(all)
    expect((await leader.write('x')).status).toBe(200)
    process.emit('SIGUSR2')
    await eventually(() => all.every((instance) => !instance.listening && instance.node.role === 'stopped'))
  })
})

it('an instance that does not trust the leader sends it nothing, and says why', async () => {
  const leader = await Instance.start('a', { tls: { ca: authority.cert } })
  const follower = await Instance.start('b', { tls: { ca: stranger.cert }, holdMs: 500 })
  const { status, headers, body } = await follower.write('lost')
  expect(status).toBe(503)
  expect(headers['retry-after']).toBe('1')
  expect(body.error).toMatchObject({
    code: 'NO_LEADER',
    message: expect.stringContaining('could not be reached (SELF_SIGNED_CERT_IN_CHAIN)'),
  })
  expect(follower.warnings).toEqual([
    expect.objectContaining({
      leader: leader.node.id,
      err: expect.objectContaining({ code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    }),
  ])
  expect((await leader.write('kept')).body.place).toBe(1)
  expect(leader.node.read((state) => state.items)).toEqual(['kept'])
})
