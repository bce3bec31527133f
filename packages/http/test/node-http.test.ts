import { createServer, type RequestListener } from 'node:http'
import { consistentReads, type Handler, type HttpRequest, NODE_HTTP, routeWrites } from '@leasehold/http'
import { postJson, send } from '../../express-adapter/test/support/http-client.js'
import { closeAll, elect, listen } from '../../express-adapter/test/support/instances.js'
import { ReplicaNode } from '../../express-adapter/test/support/replica-node.js'

afterEach(closeAll)

/** An instance without any framework: the handlers, and then `serve`. */
async function start(id: string, serve: (node: ReplicaNode) => RequestListener) {
  const node = new ReplicaNode(id)
  const steps: Handler[] = [routeWrites(node.asNode, NODE_HTTP), consistentReads(node.asNode, NODE_HTTP)]
  const server = createServer((req, res) => {
    const run = (i: number) => {
      const step = steps[i]
      if (step) step(req as HttpRequest, res, (error) => (error ? res.destroy(error as Error) : run(i + 1)))
      else serve(node)(req, res)
    }
    run(0)
  })
  const port = await listen(server)
  node.url = `http://127.0.0.1:${port}`
  return { node, server, port, url: node.url }
}

test('a write goes to the leader byte for byte, and its answer comes back', async () => {
  const serve = (node: ReplicaNode): RequestListener => {
    return (req, res) => {
      const chunks: Buffer[] = []
      req.on('data', (chunk: Buffer) => chunks.push(chunk))
      req.on('end', () => {
        void node.write().then((opId) => {
          res.end(`${node.id} ${opId.replace(/.*\./, '')} ${Buffer.concat(chunks).toString()}`)
        })
      })
    }
  }
  const [leader, follower] = await Promise.all([start('leader', serve), start('follower', serve)])
  elect(3, leader, follower)
  for (const { url } of [leader, follower]) {
    const reply = await postJson(`${url}/x`, { a: 'ü' })
    expect(reply).toMatchObject({ status: 200, text: 'leader 0 {"a":"ü"}' })
    expect(reply.headers).toMatchObject({
      'leasehold-served-by': 'leader',
      'leasehold-position': 'log.1.7',
      'leasehold-leader': 'leader',
    })
  }
})

describe.each<[string, (headers: [string, string][]) => unknown]>([
  ['an object', (headers) => Object.fromEntries(headers)],
  ['a list', (headers) => headers.flat()],
])('headers that a handler gives to writeHead as %s', (_how, shape) => {
  const serve =
    (headers: [string, string][]): (() => RequestListener) =>
    () =>
    (_req, res) => {
      res.writeHead(201, 'Made', shape(headers) as never)
      res.end('x')
    }

  test.each(['GET', 'POST'])('stay, beside ours, on a %s', async (method) => {
    const { node, url } = await start(
      'me',
      serve([
        ['Set-Cookie', 'a=1'],
        ['X-Own', 'own'],
        ['Access-Control-Allow-Origin', '*'],
      ]),
    )
    node.lead(3)
    const { status, headers } = await send(url, { method })
    expect({ status, own: headers['x-own'] }).toEqual({ status: 201, own: 'own' })
    expect(headers['set-cookie']).toEqual(['a=1', expect.stringMatching(/^leasehold-group=log\.1\.7/)])
    expect(headers['access-control-expose-headers']).toContain('Leasehold-Position')
  })

  test('say that a cache may keep the reply: then no cookie goes along', async () => {
    const { node, url } = await start('me', serve([['Cache-Control', 'public, max-age=60']]))
    node.lead(3)
    expect((await send(url)).headers['set-cookie']).toBeUndefined()
  })
})

test('two values of one header in a list both go out', async () => {
  const { node, url } = await start('me', () => (_req, res) => {
    res.setHeader('Link', '<replaced>')
    res.writeHead(200, ['Link', '<one>', 'Link', '<two>'] as never)
    res.end()
  })
  node.lead(3)
  expect((await send(url, { method: 'POST' })).headers.link).toBe('<one>, <two>')
})
