import { BusyError } from '@leasehold/core'
import { type RequestHandler, Router } from 'express'
import { routeWrites } from '../src/index.js'
import { postJson, type Reply } from './support/http-client.js'
import { closeAll, EXPRESS, startInstanceOf } from './support/instances.js'
import { type Handler, startRepeating } from './support/repeating-instances.js'
import { RepeatingNode } from './support/repeating-node.js'
import { until } from './support/until.js'

afterEach(closeAll)

describe.each(EXPRESS)('a reply on %s', (_version, express) => {
  const alone = async (handler: Handler) => {
    const leader = await startRepeating(express, 'leader', {}, handler)
    leader.node.lead(3)
    return leader
  }

  test('leaves when the writes have committed for which nobody waits', async () => {
    let commit: () => void = () => {}
    const leader = await alone((_req, res, node) => {
      node.answer = () => new Promise((resolve) => (commit = () => resolve('op')))
      void node.write()
      res.json({ said: 'too early' })
    })
    let reply: Reply | undefined
    const asked = postJson(leader.url, {}).then((got) => (reply = got))
    await until('the handler ran', () => leader.node.ran.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(reply).toBeUndefined()
    commit()
    expect(await asked).toMatchObject({ status: 200, json: { said: 'too early' } })
  })

  test('is the error of a write that failed behind the handler’s back', async () => {
    const leader = await alone((_req, res, node) => {
      node.answer = () => new Promise((_resolve, reject) => setTimeout(() => reject(busy()), 20))
      void node.write()
      res.set('ETag', '"x"').json({ said: 'all is well' })
    })
    const reply = await postJson(leader.url, {})
    expect(reply).toMatchObject({ status: 503, json: { error: { code: 'BUSY' } } })
    expect(reply.headers).toMatchObject({ 'leasehold-served-by': 'leader' })
    expect(reply.headers.etag).toBeUndefined()
  })

  test('is the handler’s own where it has seen the failure', async () => {
    const leader = await alone(async (_req, res, node) => {
      node.answer = () => Promise.reject(busy())
      await node.write().catch(() => {})
      res.status(207).json({ said: 'partly' })
    })
    expect(await postJson(leader.url, {})).toMatchObject({ status: 207, json: { said: 'partly' } })
  })

  test('of a handler that throws reaches the error handlers', async () => {
    const leader = await alone(async (_req, _res, node) => {
      node.answer = () => Promise.reject(busy())
      await node.write()
    })
    expect(await postJson(leader.url, {})).toMatchObject({ status: 503, json: { error: { code: 'BUSY' } } })
  })

  test('streams as it comes', async () => {
    const leader = await alone(async (_req, res, node) => {
      await node.write()
      for (const part of ['a', 'b', 'c']) res.write(part)
      res.end('d')
    })
    expect(await postJson(leader.url, {})).toMatchObject({ status: 200, text: 'abcd' })
  })

  test('nobody answers for a handler that never does, once the client is gone', async () => {
    const leader = await alone(() => {})
    const request = postJson(leader.url, {}).catch(() => 'gone')
    await until('the handler ran', () => leader.node.ran.length > 0)
    leader.server.closeAllConnections()
    expect(await request).toBe('gone')
  })

  test('that has begun cannot wait for a write that begins later: a warning says so, once for each route', async () => {
    const leader = await alone(async (req, res, node) => {
      if (req.path === '/streams') res.write('the beginning ')
      await node.write()
      if (req.path === '/streams') await node.write()
      res.end('the end')
    })
    for (const path of ['/waits', '/streams', '/streams']) await postJson(leader.url + path, {})
    expect(leader.node.warnings).toEqual([
      {
        code: 'REPLY_NOT_GATED',
        message: expect.stringMatching(/^POST outside of routes began a write after/),
      },
    ])
  })

  test('the warning names the route as it was declared', async () => {
    const { node, url } = await startInstanceOf(new RepeatingNode('leader'), express, (app, node) => {
      const late: RequestHandler = (_req, res) => {
        res.json({})
        void node.write()
      }
      app.use(routeWrites(node.asNode))
      app.use('/sub', Router().post('/:id', late).post('/:id/more', late))
    })
    node.lead(3)
    for (const path of ['/sub/1', '/sub/2', '/sub/1/more']) await postJson(url + path, {})
    expect(node.warnings.map(({ message }) => message.split(' began')[0])).toEqual([
      'POST /sub/:id',
      'POST /sub/:id/more',
    ])
  })
})

function busy(): Error {
  return new BusyError(1, '1')
}
