import { checkLists } from '../support/check-lists.js'
import { checkSessions } from '../support/check-sessions.js'
import { converged } from '../support/converged.js'
import { eventually } from '../support/deadline.js'
import { isRead, type Operation } from '../support/history.js'
import { type Instance, InstanceGroup } from '../support/instances.js'
import { type Load, type LoadOptions, loadKeys, startLoad, startSteadyLoad } from '../support/load.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import { type Front, startFront, stopFronts } from './front.js'

let redis: RedisServer
let group: InstanceGroup

beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
beforeEach(async () => {
  group = new InstanceGroup({ redis, ttlMs: 1000 })
})
afterEach(async () => {
  await stopFronts()
  await group.stopAll()
})
afterAll(stopAll)

const startThree = () => Promise.all([1, 2, 3].map(() => group.add()))

const idOf = async (instance: Instance) => (await instance.status()).instance.id

/** Puts it where it was before, as an orchestrator would. */
const startAgain = ({ url }: Instance) => group.add({ PORT: new URL(url).port })

/** Who answered `count` requests, one after the other. */
async function answerers(front: Front, count: number, init: RequestInit = {}): Promise<Set<string>> {
  const ids = new Set<string>()
  for (let n = 0; n < count; n++) {
    const reply = await fetch(`${front.url}/kv/some-key`, init)
    if (reply.status !== 200 && reply.status !== 404) throw new Error(`${reply.status} ${await reply.text()}`)
    await reply.text()
    ids.add(reply.headers.get('Leasehold-Served-By') ?? '')
  }
  return ids
}

const write = (value: unknown): RequestInit => ({
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ value }),
})

const failures = (history: readonly Operation[]) =>
  history
    .filter(({ outcome }) => outcome !== 'ok')
    .map(({ kind, outcome, status, reason }) => `${kind} ${outcome} ${status ?? ''} ${reason ?? ''}`)

const writesOf = ({ history }: Load) => history.filter((operation) => !isRead(operation)).length

/** Waits until so many clients stand still: what they ask has been sent to somebody who does not answer. */
async function wait(load: Load, clients: number): Promise<void> {
  const standing = () => {
    const ends = new Map(load.history.map(({ client, endMs }) => [client, endMs]))
    return [...ends.values()].filter((endMs) => performance.now() - endMs > 100).length
  }
  await eventually(() => standing() >= clients, { message: `${clients} clients to wait` })
}

/** Waits until nobody has got an answer for so long. */
async function stopsFor({ history }: Load, ms: number): Promise<void> {
  const stillMs = () => performance.now() - (history.at(-1)?.endMs ?? performance.now())
  await eventually(() => stillMs() > ms, { message: 'answers to stop' })
}

async function goesOn(load: Load, writes = 60): Promise<void> {
  const before = writesOf(load)
  await eventually(() => writesOf(load) >= before + writes, { message: 'writes to go on' })
}

/** Whatever clients were told is true, on every instance. */
async function checkAll(load: Load): Promise<void> {
  const history = await load.stop()
  expect(checkLists(history, await converged(group.instances, loadKeys({})))).toEqual([])
  expect(checkSessions(history)).toEqual([])
}

test('HAProxy by role: writes go to the leader, reads to followers, and health to nobody outside', async () => {
  const instances = await startThree()
  const front = await startFront('haproxy/haproxy.cfg', group.urls())
  const leader = await group.leader()
  const followers = (await group.followers()).map(idOf)

  await eventually(async () => (await answerers(front, 3, write(1))).has(await idOf(leader)))
  expect(await answerers(front, 20, write(2))).toEqual(new Set([await idOf(leader)]))
  await eventually(async () => (await answerers(front, 5)).size === 2)
  expect(await answerers(front, 20)).toEqual(new Set(await Promise.all(followers)))
  expect(instances).toHaveLength(3)
  for (const path of ['/cluster', '/cluster/status', '/cluster/switchover'])
    expect((await fetch(front.url + path, { method: 'POST' })).status).toBe(403)
})

test('HAProxy by role: a replica that cannot know its lag gets no reads until it can', async () => {
  await group.add()
  await group.add()
  const link = await startProxy({ targetPort: redis.port })
  const cut = await group.add({ REDIS_URL: `redis://127.0.0.1:${link.port}` })
  const front = await startFront('haproxy/haproxy.cfg', group.urls())
  const cutId = await idOf(cut)
  await eventually(async () => (await answerers(front, 5)).has(cutId))

  link.hold('toClient')
  await eventually(async () => !(await answerers(front, 5)).has(cutId))
  expect((await answerers(front, 20)).has(cutId)).toBe(false)
  // It is alive, and would answer.
  expect((await cut.get('some-key', { consistency: 'local' })).status).toBe(404)

  link.release()
  await eventually(async () => (await answerers(front, 5)).has(cutId))
})

test.each(['haproxy/haproxy.cfg', 'haproxy/any-instance.cfg', 'nginx/nginx.conf'])(
  '%s: no client notices that the leader is stopped, or killed with requests in its hands',
  async (file) => {
    await startThree()
    const front = await startFront(file, group.urls())
    const options: LoadOptions = { urls: () => [front.url], clients: 8, seed: 8 }
    const load = startLoad(options)
    await goesOn(load)

    const first = await group.leader()
    expect(await first.terminate()).toEqual({ code: 0, signal: null })
    await goesOn(load)
    await startAgain(first)
    expect(failures(load.history)).toEqual([])

    const second = await group.leader()
    await second.pause()
    await wait(load, 4)
    await second.kill9()
    await goesOn(load)
    await startAgain(second)
    await goesOn(load)
    expect(failures(load.history)).toEqual([])
    expect((await front.sentAgain()).length).toBeGreaterThan(0)
    await checkAll(load)
  },
)

test.each(['haproxy/haproxy.cfg', 'haproxy/any-instance.cfg', 'nginx/nginx.conf'])(
  '%s: while Redis is away reads go on, and an instance tells whoever writes that nothing was written',
  async (file) => {
    const own = await startRedis({ appendOnly: 'everysec' })
    const cut = new InstanceGroup({ redis: own, ttlMs: 1000 })
    const instances = await Promise.all([1, 2, 3].map(() => cut.add()))
    const front = await startFront(file, cut.urls())
    await eventually(async () => (await fetch(`${front.url}/kv/some-key`, write(1))).ok)
    const local = `${front.url}/kv/some-key?consistency=local`
    await converged(instances, [])
    await own.kill()
    await eventually(async () =>
      (await Promise.all(instances.map((each) => each.leads()))).every((it) => !it),
    )

    const writes = Promise.all(
      Array.from({ length: 12 }, async () => {
        const reply = await fetch(`${front.url}/kv/some-key`, write(2))
        const { error } = (await reply.json()) as { error?: { code: string } }
        return { status: reply.status, code: error?.code, again: reply.headers.get('retry-after') !== null }
      }),
    )
    const read: number[] = []
    const written = new AbortController()
    void writes.finally(() => written.abort())
    while (!written.signal.aborted || read.length < 100) {
      const reply = await fetch(local)
      await reply.text()
      read.push(reply.status)
    }
    expect(new Set(read)).toEqual(new Set([200]))
    for (const said of await writes) expect(said).toEqual({ status: 503, code: 'NO_LEADER', again: true })

    await own.restart()
    await eventually(async () => (await fetch(`${front.url}/kv/some-key`, write(3))).ok)
    await cut.stopAll()
    await own.stop()
  },
)

test.each([
  ['haproxy/any-instance.cfg', [/http-request set-header Idempotency-Key.*/, / empty-response$/m]],
  ['nginx/nginx.conf', [/proxy_set_header Idempotency-Key.*/, / non_idempotent/]],
])(
  '%s without names for writes: who was at the leader when it died is told so, once, and nobody else',
  async (file, without) => {
    await startThree()
    const front = await startFront(file, group.urls(), without)
    // Pushes alone, which are POSTs: nginx sends what HTTP calls idempotent again in any case.
    const options = { urls: () => [front.url], seed: 9, perSecond: 100 }
    const load = startSteadyLoad(options)
    await goesOn(load)
    const leader = await group.leader()
    await leader.pause()
    await stopsFor(load, 300) // with some thirty on their way, a third of them straight to the leader
    await leader.kill9()
    await goesOn(load)

    const told = failures(load.history)
    expect(told.length).toBeGreaterThan(0)
    expect(told.length).toBeLessThan(writesOf(load) / 2)
    // HAProxy closes a client's connection that has served before, and leaves it to the client to ask again.
    expect(told.filter((each) => !/^\w+ unknown (?:502 | UND_ERR_SOCKET)$/.test(each))).toEqual([])
    await checkAll(load)
  },
)
