import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { textOf } from '../structure/source-files.js'
import { type Instance, InstanceGroup } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { restore } from './dump.js'
import { APP, GROUP, META, type Recorded, record, settled } from './scenario.js'
import { shapeOf } from './shape.js'

const FIXTURE = join(__dirname, 'v1', 'group.json')
const frozen = () => JSON.parse(readFileSync(FIXTURE, 'utf8')) as Recorded

let redis: RedisServer

beforeEach(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
afterAll(stopAll)

test('what a group leaves today has the form of format 1', async () => {
  const today = await record(redis)
  // scripts/formats.mjs: for a new format, never to get a changed one past this test.
  if (process.env['WRITE_FORMAT'] === '1') writeFileSync(FIXTURE, `${JSON.stringify(today, null, 1)}\n`)
  const [then, now] = [shapeOf(frozen()), shapeOf(today)]

  expect(then.filter((line) => !now.includes(line))).toEqual([])
  const told = textOf('docs/formats.md') ?? ''
  const isTold = (line: string) => told.includes(`\`${line.split('/').at(-1)?.split(' ')[0]}\``)
  expect(now.filter((line) => !then.includes(line) && !isTold(line))).toEqual([])
})

describe('on what a group of format 1 has left', () => {
  let before: Recorded
  let group: InstanceGroup
  let instances: Instance[]

  beforeEach(async () => {
    before = frozen()
    await restore(redis.url, before.redis)
    group = new InstanceGroup({ redis, name: GROUP, ttlMs: 1000, script: APP })
    instances = [await group.add({ NAME: 'fx-a' }), await group.add({ NAME: 'fx-b' })]
  })

  test('instances of today start, read all of it, repeat nothing, and go on', async () => {
    expect(before.redis[META]).toMatchObject({ value: { first: expect.stringMatching(/^\d{3}$/) } })
    const { state, logId } = before.replica
    expect(await settled(instances)).toMatchObject({ state, logId })
    const leader = await group.leader()
    const follower = instances.find((each) => each !== leader) as Instance

    const { key, item, body } = before.repeat
    const repeated = await follower.push('k0', item, { headers: { 'Idempotency-Key': key } })
    expect([repeated.status, repeated.body]).toEqual([200, body])
    expect((await settled(instances)).state).toEqual(state)

    // A position that a client kept.
    const position = before.reply['leasehold-position'] ?? ''
    const read = await follower.list('k0', { headers: { 'Leasehold-Position': position } })
    expect([read.status, read.body.items.at(-1)]).toEqual([200, 'the last one'])

    const written = await follower.push('k0', 'of today')
    expect(written.body.index).toBeGreaterThan(before.replica.index)
    expect(written.body.term).toBeGreaterThan((body as { term: number }).term)
    expect((await settled(instances)).logId).toBe(logId)
    expect((await leader.status()).instance.id).toBe(written.headers.get('Leasehold-Served-By'))
  })

  test('what an instance of then forwarded is known for what it is', async () => {
    const leader = await group.leader()
    const { method, url, headers } = before.forwarded
    const signed = headers['leasehold-forwarded'] ?? ''
    const id = /;id=([^;]+);/.exec(signed)?.[1]
    const send = (forwarded: string) =>
      leader.request(method, url, { body: { item: 'x' }, headers: { 'leasehold-forwarded': forwarded } })

    // Believed, and meant for a term that is over: handed back.
    const refused = await send(signed)
    expect([refused.status, refused.headers.get('Leasehold-Refused')]).toEqual([421, id])
    // With anything changed it is a client's like any other.
    expect((await send(signed.replace(';from=fx-', ';from=xf-'))).status).toBe(200)
  })
})

test('a format that is not known yet is refused, and nothing is changed', async () => {
  await restore(redis.url, frozen().redis)
  await redis.command('HSET', META, 'formatVersion', '2')
  const before = await redis.command('HGETALL', META)
  const group = new InstanceGroup({ redis, name: GROUP, ttlMs: 1000, script: APP })
  await expect(group.add({ NAME: 'fx-a' })).rejects.toThrow(
    /stored in format 2, this version of Leasehold knows formats up to 1/,
  )
  expect(await redis.command('HGETALL', META)).toEqual(before)
})
