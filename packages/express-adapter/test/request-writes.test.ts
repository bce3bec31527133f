import { EventEmitter, once } from 'node:events'
import { open, postJson } from './support/http-client.js'
import { closeAll, elect, EXPRESS } from './support/instances.js'
import { type Handler, startRepeating } from './support/repeating-instances.js'
import { until } from './support/until.js'

afterEach(closeAll)

describe.each(EXPRESS)('the writes of a request on %s', (_version, express) => {
  const alone = async (handler: Handler) => {
    const leader = await startRepeating(express, 'leader', {}, handler)
    leader.node.lead(3)
    return leader
  }

  test.each([
    ['that is kept', 10],
    ['that is streamed', 3_000_000],
  ])('are known by it in the events of a body %s', async (_how, size) => {
    const leader = await alone((req, res, node) => {
      const writes: Promise<string>[] = []
      req.once('data', () => writes.push(node.write()))
      req.on('end', () => {
        writes.push(node.write())
        void Promise.all(writes).then((opIds) => res.json({ opIds }))
      })
    })
    const { req, reply } = open(leader.url, { method: 'POST' })
    req.write(Buffer.alloc(size))
    if (size > 1024 ** 2) await until('the handler runs', () => leader.node.ran.length > 0)
    req.end('more')
    const { requestId } = ((await reply) && leader.node.ran[0]) ?? {}
    expect((await reply).json).toEqual({ opIds: [`${requestId}.0`, `${requestId}.1`] })
  })

  test('also where a follower has sent it on', async () => {
    const handler: Handler = (req, res, node) =>
      void req.resume().on('end', () => void node.write().then((opId) => res.json({ opId })))
    const [leader, follower] = await Promise.all(
      ['leader', 'follower'].map((id) => startRepeating(express, id, {}, handler)),
    )
    if (!leader || !follower) throw new Error('not started')
    elect(3, leader, follower)
    const { req, reply } = open(follower.url, { method: 'POST' })
    req.write(Buffer.alloc(3_000_000)) // longer than what is kept, so that it arrives at the leader piece by piece
    await until('the handler runs', () => leader.node.ran.length > 0)
    req.end('more')
    expect((await reply).json).toEqual({ opId: `${leader.node.ran[0]?.requestId}.0` })
  })

  test('are known by it through req.leasehold, where the context is lost', async () => {
    const pool = new EventEmitter() // its listeners run in the context of whoever emits
    const leader = await alone((req, res, node) => {
      pool.once('free', () => {
        const { leasehold } = req
        const lost = node.write().catch((error: Error) => error.message)
        void Promise.all([lost, leasehold?.write('put'), leasehold?.run(() => node.write())]).then((opIds) =>
          res.json({ opIds, requestId: leasehold?.requestId }),
        )
      })
    })
    const asked = postJson(leader.url, {})
    await until('the handler ran', () => pool.listenerCount('free') === 1)
    pool.emit('free')
    const { requestId } = leader.node.ran[0] ?? {}
    const opIds = ['This write has no request', `${requestId}.0`, `${requestId}.1`]
    expect((await asked).json).toEqual({ opIds, requestId })
  })

  test('a read that was not routed has none', async () => {
    const leader = await alone((req, res) => void res.json({ has: 'leasehold' in req }))
    const { req, reply } = open(leader.url)
    req.end()
    await once(req, 'response')
    expect((await reply).json).toEqual({ has: false })
  })
})
