import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import { type Instance, InstanceGroup, newName } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

const SERVER = join(__dirname, '../../examples/bull-board/dist/server.js')
const HEARTBEAT_MS = 100

let redis: RedisServer
let group: InstanceGroup
let byName: Map<string, Instance>

beforeAll(async () => {
  redis = await startRedis()
  group = new InstanceGroup({ redis, name: newName(), script: SERVER, ttlMs: 1000 })
  byName = new Map()
  for (const name of ['ada', 'ben', 'cleo']) byName.set(name, await add(name))
})
afterAll(stopAll)

function add(NAME: string): Promise<Instance> {
  return group.add({ NAME, HEARTBEAT_MS: String(HEARTBEAT_MS) })
}

/** A queue as the API of bull-board lists it. */
interface Listed {
  readonly name: string
  readonly displayName: string
  readonly description: string
  readonly readOnlyMode: boolean
  readonly counts: Record<string, number>
}

async function listedAt(instance: Instance): Promise<Listed[]> {
  const { body } = await instance.request<{ queues: Listed[] }>(
    'GET',
    '/queues/api/queues?page=1&jobsPerPage=1',
  )
  return body.queues
}

async function titlesAt(instance: Instance): Promise<string> {
  return (await listedAt(instance))
    .map(({ displayName }) => displayName)
    .toSorted()
    .join()
}

const shown = (instance: Instance, titles: string) =>
  eventually(async () => (await titlesAt(instance)) === titles, { message: titles })

it('shows a queue for each follower, by its name, on every instance', async () => {
  for (const instance of group.instances) await shown(instance, 'ben (follower),cleo (follower)')
  const [leader] = group.instances as [Instance]
  const { group: report } = await leader.status()
  for (const { name, description, readOnlyMode, counts } of await listedAt(leader)) {
    const member = report.members.find(({ id }) => id === name)
    expect(description).toBe(`${member?.url} · ${name}`)
    expect(readOnlyMode).toBe(true)
    expect(counts).toMatchObject({ waiting: 0, failed: 0 })
  }
  const page = await leader.request<string>('GET', '/queues')
  expect(page.status).toBe(200)
  expect(page.body).toContain(`Leasehold: ${group.name}`)
})

it('only to look at', async () => {
  const [leader] = group.instances as [Instance]
  const [queue] = await listedAt(leader)
  for (const [method, path] of [
    ['PUT', 'pause'],
    ['PUT', 'empty'],
    ['PUT', 'obliterate'],
    ['POST', 'add'],
  ] as const) {
    const { status } = await leader.request(method, `/queues/api/queues/${queue?.name}/${path}`, { body: {} })
    expect({ path, status }).toEqual({ path, status: 405 })
  }
})

it('a follower that stands still has its jobs waiting, and is called silent', async () => {
  const [leader, ben] = [byName.get('ada'), byName.get('ben')] as [Instance, Instance]
  await ben.pause()
  try {
    for (let i = 0; i < 5; i++) expect((await leader.request('POST', '/counts/a')).status).toBe(200)
    const waits = await eventually(
      async () => {
        const queue = (await listedAt(leader)).find(({ displayName }) => displayName === 'ben (silent)')
        return queue && (queue.counts['waiting'] ?? 0) + (queue.counts['active'] ?? 0) > 0 && queue
      },
      { message: 'jobs to wait' },
    )
    expect(waits.readOnlyMode).toBe(true)
  } finally {
    ben.resume()
  }
  await shown(leader, 'ben (follower),cleo (follower)')
  await eventually(async () => (await listedAt(leader)).every(({ counts }) => counts['waiting'] === 0))
})

it('follows those that come and go, and brings no queue back', async () => {
  const [leader, cleo] = [byName.get('ada'), byName.get('cleo')] as [Instance, Instance]
  const gone = (await listedAt(leader)).find(({ displayName }) => displayName.startsWith('cleo'))
    ?.name as string
  await cleo.kill9()
  await shown(leader, 'ben (follower)')
  const again = await add('cleo')
  for (const instance of [leader, again]) await shown(instance, 'ben (follower),cleo (follower)')
  await eventually(async () => ((await redis.command('KEYS', `*jobs:${gone}*`)) as string[]).length === 0, {
    message: 'its keys to be gone',
  })

  await leader.terminate()
  await eventually(async () => (await titlesAt(again)).split(',').length === 1, { message: 'one follower' })
  expect(await titlesAt(again)).toMatch(/^(ben|cleo) \(follower\)$/)
})
