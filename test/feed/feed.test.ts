import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { SseClient } from './sse-client.js'

const FEED = join(__dirname, '../../examples/feed/dist/server.js')

interface Note {
  readonly id: number
  readonly text: string
}

let redis: RedisServer
let group: InstanceGroup
let clients: SseClient[]

beforeAll(async () => {
  redis = await startRedis()
  group = await startGroup({ redis, script: FEED, ttlMs: 1000 })
})
beforeEach(() => {
  clients = []
})
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
})
afterAll(stopAll)

/** A client that connects to the running instances in turn. */
function follow(first = 0): SseClient {
  let at = first
  const client = new SseClient(() => {
    const { instances } = group
    return instances[at++ % instances.length]?.url ?? ''
  })
  clients.push(client)
  return client
}

async function post(instance: Instance, text: string): Promise<void> {
  const { status } = await instance.request('POST', '/notes', { body: { text } })
  if (status !== 201) throw new Error(`status ${status}`)
}

/** Posts through an instance until stopped, one after the other; whatever becomes of one that was under way. */
function posting(through: () => Instance | undefined): { stop: () => Promise<number> } {
  const enough = new AbortController()
  let posted = 0
  const running = (async () => {
    for (let i = 0; !enough.signal.aborted; i++) {
      const instance = through()
      if (instance)
        await post(instance, `note ${i}`).then(
          () => posted++,
          () => {},
        )
    }
  })()
  return {
    async stop() {
      enough.abort()
      await running
      return posted
    },
  }
}

const notesOf = (client: SseClient, event: string) =>
  client.events.filter((one) => one.event === event).map(({ data }) => data as Note)

it('has a page', async () => {
  const [instance] = group.instances as [Instance]
  const { status, body } = await instance.request<string>('GET', '/')
  expect(status).toBe(200)
  expect(body).toContain('new EventSource')
})

it('a position that was lost, and one that makes no sense, begin with the board', async () => {
  const [instance] = group.instances as [Instance]
  await post(instance, 'a')
  for (const after of ['other.1.1', 'nonsense', '']) {
    const ending = new AbortController()
    const { body } = await fetch(`${instance.url}/feed?after=${after}`, { signal: ending.signal })
    let text = ''
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      if (text.includes('data: ')) break
    }
    ending.abort()
    expect(text).toMatch(/event: board\nid: \S+\ndata: \[\{.*"text":"a"/)
  }
})

it('a note that is not there cannot be erased, which nobody is told of', async () => {
  const [instance, other] = group.instances as [Instance, Instance]
  const client = follow(1)
  await eventually(() => client.events.length === 1)
  await post(instance, 'a')
  expect((await other.request('DELETE', '/notes/1000000')).status).toBe(409)
  const id = await eventually(() => notesOf(client, 'posted')[0]?.id)
  expect((await instance.request('DELETE', `/notes/${id}`)).status).toBe(200)
  await eventually(() => client.events.length === 3)
  expect(client.events.map(({ event }) => event)).toEqual(['board', 'posted', 'erased'])
})

it('ends with its instance, which stops at once, and goes on elsewhere', async () => {
  const [instance, other] = group.instances as [Instance, Instance]
  const client = follow(0)
  await eventually(() => client.url === instance.url && client.events.length === 1)
  await post(other, 'before')
  await eventually(() => notesOf(client, 'posted').length === 1)
  await group.add()
  const begunMs = performance.now()
  expect(await instance.terminate()).toEqual({ code: 0, signal: null })
  expect(performance.now() - begunMs).toBeLessThan(8000) // not at the deadline, where connections are cut
  await post(other, 'after')
  await eventually(() => notesOf(client, 'posted').length === 2)
  expect(notesOf(client, 'posted').map(({ text }) => text)).toEqual(['before', 'after'])
})

it('a client whose instance is killed goes on at another, and gets each change once and in order', async () => {
  const all = [follow(0), follow(1), follow(2)]
  await eventually(() => all.every((client) => client.events.length > 0), { message: 'the board' })
  const { body: before } = await (await group.leader()).request<Note[]>('GET', '/notes')
  const load = posting(() => group.instances.at(-1))
  const first = await group.leader()
  for (const victim of [first, group.instances.find((one) => one !== first)]) {
    const client = all.find(({ url }) => url === victim?.url)
    const { length } = client?.events ?? []
    await eventually(() => (client?.events.length ?? 0) > length + 10, { message: 'changes' })
    await victim?.kill9()
    await eventually(() => client?.url !== undefined && client.url !== victim?.url, {
      message: 'the client to be elsewhere',
    })
    await group.add()
  }
  const seen = all.map(({ events }) => events.length)
  await eventually(() => all.every(({ events }, i) => events.length > (seen[i] ?? 0) + 10))
  expect(await load.stop()).toBeGreaterThan(30)

  const leader = await group.leader()
  const { body } = await leader.request<Note[]>('GET', '/notes')
  for (const client of all) {
    await eventually(() => notesOf(client, 'posted').at(-1)?.id === body.at(-1)?.id, {
      message: 'the last note',
    })
    expect(notesOf(client, 'posted')).toEqual(body.slice(before.length))
    // It was told once what there was before, and never again: nothing between was lost.
    expect(client.events.filter(({ event }) => event === 'board')).toHaveLength(1)
  }
})
