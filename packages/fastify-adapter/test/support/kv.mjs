/**
 * The kv example on Fastify, as a program of its own: the same environment, the same replies. `FRAMEWORK=express` runs the
 * example itself, so that both can be in one group.
 */
import { createNode, LeaseholdError } from '@leasehold/core'
import { gracefulShutdown, leasehold } from '@leasehold/fastify'
import fastify from 'fastify'
import { kv, slot } from '../../../../examples/kv/dist/machine.js'
import { readSettings } from '../../../../examples/kv/dist/settings.js'

if (process.env.FRAMEWORK === 'express') await import('../../../../examples/kv/dist/server.js')
else await serve(readSettings(process.env))

async function serve({ group, redis, ttlMs, port, host, writeConcern, adminToken }) {
  const node = createNode({ group, redis, stateMachine: kv, ...(ttlMs && { lease: { ttlMs } }) })
  const app = fastify()
  const consistency = ({ query }) => query.consistency ?? 'session'
  const authorize = ({ headers }) => adminToken !== undefined && headers['x-admin-token'] === adminToken
  await app.register(leasehold, { node, consistentReads: { consistency }, cluster: { authorize } })
  const read = (select) => node.read((state, { index }) => ({ value: select(state), index }))
  const field = ({ body }, name) => {
    if (Object.hasOwn(Object(body), name)) return body[name]
    throw Object.assign(new Error(`The body must be JSON with "${name}"`), { statusCode: 400 })
  }

  app.put('/kv/:key', async (request) => {
    const args = { key: request.params.key, value: field(request, 'value') }
    const { index, term } = await node.submit('put', args, { writeConcern })
    return { index, term }
  })
  app.get('/kv/:key', async (request, reply) => {
    const { value, index } = read((state) => state.values[slot(request.params.key)])
    return reply.code(value === undefined ? 404 : 200).send({ value: value ?? null, index })
  })
  app.post('/kv/:key/cas', async (request, reply) => {
    const args = {
      key: request.params.key,
      expect: field(request, 'expect'),
      value: field(request, 'value'),
    }
    const { result, index, term } = await node.submit('cas', args, { writeConcern })
    return result.swapped ? { index, term } : reply.code(409).send({ value: result.present })
  })
  app.post('/list/:key', async (request) => {
    const args = { key: request.params.key, item: field(request, 'item') }
    const { result, index, term } = await node.submit('push', args, { writeConcern })
    return { position: result, index, term }
  })
  app.get('/list/:key', async (request) => {
    const { value, index } = read((state) => state.lists[slot(request.params.key)])
    return { items: value ?? [], index }
  })

  const url = await app.listen({ port, host })
  node.setUrl(url, url)
  gracefulShutdown(app, node)
  try {
    await node.start()
    process.stdout.write(`listening ${url}\n`)
  } catch (error) {
    if (!(error instanceof LeaseholdError && error.code === 'STOPPED')) {
      process.stderr.write(`${error.message}\n`)
      process.exitCode = 1
    }
    await app.close()
  }
}
