import { routeWrites } from '../src/index.js'
import { send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstance } from './support/instances.js'

afterEach(closeAll)

/** Where the instances talk to each other from, a proxy before them, and a client that came past it. */
const [INSTANCES, PROXY, CLIENT] = ['127.0.0.1', '127.0.0.9', '127.0.0.2'] as const

describe.each(EXPRESS)('trust proxy on %s', (_version, express) => {
  type Trust = string | number | boolean
  const start = (id: string, trust: Trust) =>
    startInstance(express, id, (app, node) => {
      app.set('trust proxy', trust)
      app.use(routeWrites(node.asNode))
      app.use((req, res) => {
        const { ip, ips, protocol, secure, hostname } = req
        res.json({ ranOn: id, ips, client: { ip, protocol, secure, hostname, host: req.get('host') } })
      })
    })

  /** What a handler learns of the client: of one request at a follower, and of one that went on to the leader. */
  const seenBy = async (trust: Trust, localAddress: string, headers: Record<string, string>) => {
    const [leader, follower] = await Promise.all([start('leader', trust), start('follower', trust)])
    elect(3, leader, follower)
    const options = { localAddress, headers: { host: 'shop.example:8080', ...headers } }
    const here = (await send(follower.url, options)).json
    const there = (await send(follower.url, { ...options, method: 'POST' })).json
    expect([here.ranOn, there.ranOn]).toEqual(['follower', 'leader'])
    return { here, there }
  }
  const viaProxy = {
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'shop.example',
    host: 'inner:3000',
  }

  test.each<[string, string, Record<string, string>, object]>([
    [
      'that came past the proxy',
      CLIENT,
      {},
      { ip: CLIENT, protocol: 'http', secure: false, hostname: 'shop.example', host: 'shop.example:8080' },
    ],
    [
      'that came past the proxy and claims another address',
      CLIENT,
      { 'x-forwarded-for': '203.0.113.99' },
      { ip: CLIENT, protocol: 'http', secure: false, hostname: 'shop.example', host: 'shop.example:8080' },
    ],
    [
      'behind the proxy',
      PROXY,
      viaProxy,
      { ip: '203.0.113.7', protocol: 'https', secure: true, hostname: 'shop.example', host: 'inner:3000' },
    ],
    [
      'behind the proxy that claims another address',
      PROXY,
      { ...viaProxy, 'x-forwarded-for': '203.0.113.99, 203.0.113.7' },
      { ip: '203.0.113.7', protocol: 'https', secure: true, hostname: 'shop.example', host: 'inner:3000' },
    ],
  ])(
    'with the addresses of the instances and the proxy, the leader knows a client %s as its follower does',
    async (_which, from, headers, client) => {
      const { here, there } = await seenBy(`${INSTANCES}, ${PROXY}`, from, headers)
      expect(here.client).toEqual(client)
      expect(there.client).toEqual(client)
    },
  )

  test('the addresses on the way are one more at the leader', async () => {
    const { here, there } = await seenBy(`${INSTANCES}, ${PROXY}`, PROXY, viaProxy)
    expect(here.ips).toEqual(['203.0.113.7'])
    expect(there.ips).toEqual(['203.0.113.7', PROXY])
  })

  test('with nobody, every client of a follower has its address, and speaks plain HTTP', async () => {
    const { here, there } = await seenBy(false, PROXY, viaProxy)
    expect(here.client).toMatchObject({ ip: PROXY, protocol: 'http', hostname: 'inner' })
    expect(there.client).toMatchObject({ ip: INSTANCES, protocol: 'http', hostname: 'inner' })
  })

  test('with the proxy alone, the same', async () => {
    const { here, there } = await seenBy(PROXY, PROXY, viaProxy)
    expect(here.client).toMatchObject({ ip: '203.0.113.7', secure: true })
    expect(there.client).toMatchObject({ ip: INSTANCES, secure: false })
  })

  test('with a number of hops the leader takes the proxy for the client: a forwarded request has one hop more', async () => {
    const { here, there } = await seenBy(1, PROXY, viaProxy)
    expect(here.client).toMatchObject({ ip: '203.0.113.7' })
    expect(there.client).toMatchObject({ ip: PROXY })
  })

  test('with everybody, every client is who it says', async () => {
    const { here, there } = await seenBy(true, CLIENT, { 'x-forwarded-for': '203.0.113.99' })
    expect([here.client, there.client]).toMatchObject([{ ip: '203.0.113.99' }, { ip: '203.0.113.99' }])
  })

  test('what a client claims that nobody trusts does not become true on its way to the leader', async () => {
    const [leader, follower] = await Promise.all([start('leader', INSTANCES), start('follower', INSTANCES)])
    elect(3, leader, follower)
    const headers = { host: 'shop.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
    for (const { url } of [leader, follower]) {
      const { json } = await send(url, { method: 'POST', localAddress: CLIENT, headers })
      expect(json['client']).toMatchObject({ protocol: 'http', hostname: 'shop.example' })
    }
  })
})
