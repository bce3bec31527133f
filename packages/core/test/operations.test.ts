import { eventually } from '../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { type NodeOptions, RequestScope } from '../src/index.js'
import { type JournalNode, journalNode, newGroup, stopNodes } from './nodes.js'

let server: RedisServer
let group: string

beforeAll(async () => {
  server = await startRedis()
})

beforeEach(() => {
  group = newGroup()
})

afterEach(stopNodes)
afterAll(stopAll)

async function start(options: Partial<NodeOptions> = {}): Promise<JournalNode> {
  const node = journalNode({ group, redis: server.url, ...options })
  await node.start()
  return node
}

/** Codes of the warnings from here on. */
function warningsOf(node: JournalNode): readonly string[] {
  const codes: string[] = []
  node.on('warning', ({ code }) => codes.push(code))
  return codes
}

function linesOf(node: JournalNode): readonly string[] {
  return node.read((state) => [...state.lines])
}

it('an operation takes effect once, on this leader and the next, and after a snapshot', async () => {
  const options = { snapshotEntries: 20, trailingEntries: 0 }
  const [first, second] = [await start(options), await start(options)]
  const once = await first.submit('add', 'once', { opId: 'op' })
  for (let i = 0; i < 50; i++) await first.write('add', `line ${i}`)
  expect(await first.submit('add', 'once', { opId: 'op' })).toEqual(once)
  await eventually(
    async () => Number(await server.command('HGET', `leasehold:{${group}}:meta`, 'snapshotIndex')) > 1,
  )

  await first.stop()
  await eventually(() => second.isLeader)
  expect(await second.submit('add', 'once', { opId: 'op' })).toEqual(once)
  const third = await start(options)
  await second.stop()
  await eventually(() => third.isLeader)
  expect(await third.submit('add', 'once', { opId: 'op' })).toEqual(once)
  expect(linesOf(third).filter((line) => line === 'once')).toHaveLength(1)
})

it('two calls at once are one operation', async () => {
  const node = await start()
  const answers = await Promise.all([1, 2, 3].map(() => node.submit('add', 'once', { opId: 'op' })))
  expect(new Set(answers.map(({ index }) => index)).size).toBe(1)
  expect(linesOf(node)).toEqual(['once'])
})

it('the same id for something else is refused, while the first is under way and later', async () => {
  const node = await start()
  const first = node.write('add', 'this', { opId: 'op' })
  await expect(node.write('add', 'that', { opId: 'op' })).rejects.toMatchObject({ code: 'KEY_REUSED' })
  await first
  await expect(node.write('add', 'that', { opId: 'op' })).rejects.toMatchObject({ code: 'KEY_REUSED' })
  await expect(node.write('refuse', 'this', { opId: 'op' })).rejects.toMatchObject({ code: 'KEY_REUSED' })
  expect(linesOf(node)).toEqual(['this'])
})

it('a rejection is given again, not tried again', async () => {
  const node = await start()
  for (let i = 0; i < 2; i++) {
    await expect(node.write('refuse', 'no', { opId: 'op' })).rejects.toMatchObject({
      code: 'COMMAND_REJECTED',
      reason: 'no',
    })
  }
  expect(node.position.index).toBe(1)
})

describe('a handler that runs again', () => {
  const request = { requestId: 'r1', fingerprint: 'PUT /a', since: { term: 0, index: 0 } }

  it('gets the first results of its writes, whatever it computes anew', async () => {
    const node = await start()
    const handle = (salt: string) =>
      node.runRequest(new RequestScope(request), async () => {
        const a = await node.write('add', `a ${salt}`)
        await new Promise((resolve) => setImmediate(resolve))
        return [a, await node.write('add', `b ${salt}`)]
      })
    expect(await handle('first')).toEqual([1, 2])
    expect(await handle('second')).toEqual([1, 2])
    expect(linesOf(node)).toEqual(['a first', 'b first'])
  })

  it('counts calls that failed before they were sent, so that later ones keep their place', async () => {
    const node = await start()
    const handle = (broken: boolean) =>
      node.runRequest(new RequestScope(request), async () => {
        await node.write('add', broken ? (1n as never) : 'a').catch(() => {})
        return node.write('add', 'b')
      })
    await handle(true)
    await handle(false)
    expect(linesOf(node)).toEqual(['b', 'a'])
  })

  it('knows its writes apart from those of other requests', async () => {
    const node = await start()
    const run = (requestId: string) =>
      node.runRequest(new RequestScope({ ...request, requestId }), () => node.write('add', requestId))
    await Promise.all(['x', 'y', 'x', 'z', 'y'].map(run))
    expect([...linesOf(node)].sort()).toEqual(['x', 'y', 'z'])
  })

  it('is told that nothing is known if it does something else at the same place', async () => {
    const node = await start()
    await node.runRequest(new RequestScope(request), () => node.write('add', 'a'))
    const warnings = warningsOf(node)
    const other = node.runRequest(new RequestScope(request), () => node.write('draw'))
    await expect(other).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(warnings).toEqual(['REPEAT_DIFFERS'])
  })

  it('waits for writes that nobody awaits', async () => {
    const node = await start()
    const scope = new RequestScope(request)
    node.runRequest(scope, () => void node.write('add', 'forgotten'))
    expect(scope.pending).toBe(1)
    await scope.settled()
    expect([scope.pending, scope.failures, linesOf(node)]).toEqual([0, [], ['forgotten']])
  })

  it('waits for writes that have an id of their own, too', async () => {
    const node = await start()
    const scope = new RequestScope(request)
    node.runRequest(scope, () => {
      void node.write('add', 'own', { opId: 'own' })
      void node.write('add', 'counted')
    })
    expect(scope.pending).toBe(2)
    await scope.settled()
    node.runRequest(new RequestScope(request), () => void node.write('add', 'counted'))
    expect(linesOf(node)).toEqual(['own', 'counted'])
  })
})

describe('a write without a context', () => {
  const served = (node: JournalNode, handler: () => void) => {
    const over = new AbortController()
    node.runRequest(
      new RequestScope({ requestId: 'r1', fingerprint: 'f', since: { term: 0, index: 0 } }, over.signal),
      handler,
    )
    return () => over.abort()
  }

  it('raises a warning while a request is served, once for each command', async () => {
    const node = await start()
    const warnings = warningsOf(node)
    await node.write('add', 'before')
    const end = served(node, () => void node.write('add', 'in context'))
    expect(warnings).toEqual([])
    for (const line of ['a', 'b']) await node.write('add', line)
    await node.write('draw')
    expect(warnings).toEqual(['CONTEXT_LOST', 'CONTEXT_LOST'])
    end()
  })

  it('raises none when no request is served any more, with an id of its own, or as work of the leader', async () => {
    const node = await start()
    const warnings = warningsOf(node)
    const end = served(node, () => {})
    await node.write('add', 'own', { opId: 'own' })
    await new Promise<void>((resolve) => {
      node.whileLeader(() => node.write('add', 'work').then(() => resolve()))
    })
    end()
    await node.write('add', 'later')
    expect(warnings).toEqual([])
    expect(linesOf(node)).toEqual(['own', 'work', 'later'])
  })
})

it('a failure that nobody handles ends no process, and is known to whoever runs the request', async () => {
  const node = await start()
  const scope = new RequestScope({ requestId: 'r1', fingerprint: 'f', since: { term: 0, index: 0 } })
  node.runRequest(scope, () => void node.write('refuse', 'no'))
  await scope.settled()
  await new Promise((resolve) => setImmediate(resolve))
  expect(scope.failures).toMatchObject([{ code: 'COMMAND_REJECTED' }])
})

it('how many results are kept is what the leader says, on every replica', async () => {
  const leader = await start({ resultsKept: 2 })
  await leader.write('add', 'a', { opId: 'a' })
  for (const opId of ['b', 'c', 'd']) await leader.write('add', opId, { opId })
  const follower = await start() // would keep more
  await leader.write('add', 'a', { opId: 'a' })
  await eventually(() => follower.position.index === leader.position.index)
  expect(linesOf(leader)).toEqual(['a', 'b', 'c', 'd', 'a'])
  expect(linesOf(follower)).toEqual(linesOf(leader))
  await leader.stop()
  await eventually(() => follower.isLeader)
  await follower.write('add', 'e', { opId: 'e' }) // from here on as this one says
  for (const opId of ['f', 'g', 'h', 'e']) await follower.write('add', opId, { opId })
  expect(linesOf(follower).slice(5)).toEqual(['e', 'f', 'g', 'h'])
})
