import { join } from 'node:path'
import { checkLists } from '../../../test/support/check-lists.js'
import { checkRegisters } from '../../../test/support/check-registers.js'
import { checkSessions } from '../../../test/support/check-sessions.js'
import { converged } from '../../../test/support/converged.js'
import { eventually } from '../../../test/support/deadline.js'
import { type Instance, InstanceGroup } from '../../../test/support/instances.js'
import { type LoadOptions, loadKeys, startLoad } from '../../../test/support/load.js'
import { type RedisServer, startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'

afterAll(stopAll)

const script = join(__dirname, 'support/kv.mjs')
const admin = { ADMIN_TOKEN: 'an operator' }
const headers = { 'x-admin-token': admin.ADMIN_TOKEN }

/** Two instances on Fastify and one on Express, each a process, over a real Redis. They need a build. */
class MixedGroup {
  readonly #group: InstanceGroup
  readonly #frameworks = new Map<Instance, string>()

  constructor(redis: RedisServer) {
    this.#group = new InstanceGroup({ redis, ttlMs: 1000, script, env: admin })
  }

  get instances() {
    return this.#group.instances
  }

  readonly urls = () => this.#group.urls()

  async add(framework: string): Promise<void> {
    this.#frameworks.set(await this.#group.add({ FRAMEWORK: framework }), framework)
  }

  on(framework: string): Instance[] {
    return this.instances.filter((instance) => this.#frameworks.get(instance) === framework)
  }

  /** Has an instance on `framework` lead, and returns it. */
  async leaderOn(framework: string): Promise<Instance> {
    const leader = await this.#group.leader()
    const [heir = leader] = this.on(framework)
    if (this.on(framework).includes(leader)) return leader
    const body = { to: (await heir.status()).instance.id }
    await eventually(async () => {
      const { status } = await leader.request('POST', '/cluster/switchover', { headers, body })
      return status === 200 || (await heir.leads())
    })
    return heir
  }
}

let group: MixedGroup

beforeAll(async () => {
  group = new MixedGroup(await startRedis())
  await Promise.all(['fastify', 'fastify', 'express'].map((framework) => group.add(framework)))
})

it('what a client has seen is there on the other framework, and a repeat takes effect once', async () => {
  const [fastify] = group.on('fastify') as [Instance, Instance]
  const [express] = group.on('express') as [Instance]
  for (const [writer, reader] of [
    [fastify, express],
    [express, fastify],
  ] as const) {
    const written = await writer.put('a', 'seen')
    const position = written.headers.get('leasehold-position') ?? ''
    expect(position).toMatch(new RegExp(`\\.${written.body.term}\\.${written.body.index}$`))
    const cookie = written.headers.get('set-cookie')?.split(';')[0] ?? ''
    expect(cookie).toContain(`=${position}`)
    for (const seen of [{ 'Leasehold-Position': position }, { cookie }])
      expect(await reader.get('a', { headers: seen })).toMatchObject({ status: 200, body: { value: 'seen' } })
    expect(await reader.get('a', { consistency: 'linearizable' })).toMatchObject({ body: { value: 'seen' } })

    const lost = position.replace(/\.\d+$/, '.999999')
    expect(await reader.get('a', { headers: { 'Leasehold-Position': lost } })).toMatchObject({
      status: 409,
      body: { error: { code: 'LINEAGE_LOST' } },
    })

    const key = { 'Idempotency-Key': `a key of ${writer.url}` }
    const first = await writer.push('once', 'item', { headers: key })
    expect(await reader.push('once', 'item', { headers: key })).toMatchObject({
      status: 200,
      body: first.body,
    })
    expect(await reader.push('once', 'another', { headers: key })).toMatchObject({
      status: 422,
      body: { error: { code: 'KEY_REUSED' } },
    })
  }
})

it('a leader on Fastify that is told to stop does so without an error for anybody, and with exit code 0', async () => {
  const leader = await group.leaderOn('fastify')
  const others = group.instances.filter((instance) => instance !== leader)
  const items: string[] = []
  const end = { stopped: false }
  const clients = others.map(async (instance, client) => {
    for (let i = 0; !end.stopped || i < 20; i++) {
      expect(await instance.push('through a stop', `${client}-${i}`)).toMatchObject({ status: 200 })
      items.push(`${client}-${i}`)
    }
  })
  await eventually(() => items.length > 20)
  const exit = leader.terminate().finally(() => (end.stopped = true))
  expect(await exit).toMatchObject({ code: 0 })
  await Promise.all(clients)
  await group.add('fastify')
  const [one] = others as [Instance]
  const { body } = await one.list('through a stop', { headers: { 'Leasehold-Position': '' } })
  expect(body.items.toSorted()).toEqual(items.toSorted())
})

it('kills of leaders on Fastify and on Express under load lose and double nothing', async () => {
  const options: LoadOptions = { urls: group.urls, clients: 6, seed: 1 }
  const load = startLoad(options)
  const acknowledged = () => load.history.filter(({ kind, outcome }) => kind === 'push' && outcome === 'ok')
  const pushesAfter = async (term: number) => {
    const later = () => acknowledged().filter((push) => (push.term ?? 0) > term)
    await eventually(() => later().length > 25, { message: `pushes after term ${term}` })
    return later().at(-1)?.term ?? 0
  }

  let term = await pushesAfter(0)
  for (const framework of ['fastify', 'express']) {
    const leader = await group.leaderOn(framework)
    term = await pushesAfter(term - 1)
    expect(await leader.kill9()).toMatchObject({ signal: 'SIGKILL' })
    term = await pushesAfter(term)
    await group.add(framework)
  }
  const history = await load.stop()
  expect(new Set(acknowledged().map((push) => push.term)).size).toBeGreaterThan(2)

  const replicas = await converged(group.instances, loadKeys(options))
  expect(replicas).toHaveLength(3)
  expect(checkLists(history, replicas)).toEqual([])
  expect(checkRegisters(history)).toEqual([])
  expect(checkSessions(history)).toEqual([])
})
