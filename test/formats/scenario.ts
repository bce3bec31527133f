import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import { type Instance, InstanceGroup } from '../support/instances.js'
import type { OwnedProcess } from '../support/owned-process.js'
import type { RedisServer } from '../support/redis-server.js'
import { type Dump, dump } from './dump.js'

export const GROUP = 'formats'
export const META = `leasehold:{${GROUP}}:meta`
export const APP = join(__dirname, 'app.mjs')

/** A request as it came from another instance. */
export interface Wire {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** What an instance holds. */
export interface Replica {
  readonly state: { readonly values: Record<string, unknown>; readonly lists: Record<string, string[]> }
  readonly logId: string
  readonly index: number
}

/** What a group leaves: in Redis, on the wire, and in its replies. */
export interface Recorded {
  readonly redis: Dump
  readonly replica: Replica
  /** A write with a key that was repeated here, and its first answer. */
  readonly repeat: { readonly key: string; readonly item: string; readonly body: unknown }
  readonly forwarded: Wire
  /** Names and values of our headers on a reply. */
  readonly reply: Readonly<Record<string, string>>
}

const MOST_ITEMS = 2000
const KEY = 'formats-repeat-1'

/** Runs a group through all that leaves something behind: snapshot, trimmed log, two terms, answers of every kind. */
export async function record(redis: RedisServer): Promise<Recorded> {
  const env = { SNAPSHOT_ENTRIES: '100', TRAILING_ENTRIES: '20', RECORD: '1' }
  const group = new InstanceGroup({ redis, name: GROUP, ttlMs: 1000, script: APP, env })
  const outputs: OwnedProcess[] = []
  const add = (name: string) => group.add({ NAME: name }, (owned) => void outputs.push(owned))
  const first = await add('fx-a')
  const others = [await add('fx-b'), await add('fx-c')] as const
  // Log time never goes back, so what stands here never becomes old, and results are kept whenever a fixture is restored.
  await redis.command('HSET', META, 'time', Date.UTC(2100, 0))

  const repeat = { key: KEY, item: 'said once' }
  const ask = () => others[0].push('k0', repeat.item, { headers: { 'Idempotency-Key': KEY } })
  const { body } = await ask()
  await others[0].put('k1', { nested: ['ü', 1.5, null, true] })
  await others[0].cas('k2', null, 'first')
  for (const command of ['refuse', 'fail', 'count'])
    await others[0].request('POST', `/${command}`, { body: { why: 'because' } })
  const isTrimmed = async () => Number(await redis.command('HGET', META, 'first')) > 1
  for (let n = 0; !(await isTrimmed()); n++) {
    if (n > MOST_ITEMS) throw new Error('The log is not trimmed')
    await others[n % 2 === 0 ? 0 : 1].push(`k${n % 4}`, `item ${n}`)
  }

  await first.kill9()
  await others[0].push('k0', 'in the second term')
  const leader = await group.leader()
  const follower = others[0] === leader ? others[1] : others[0]
  const reply = await follower.push('k0', 'the last one')
  const replica = await settled([leader, follower])
  await eventually(async () => (await leader.status()).instance.audit.agreedIndex > 0, {
    message: 'evidence',
  })
  const redisNow = await dump(redis.url)
  await group.stopAll()

  const lines = outputs.flatMap((owned) =>
    owned
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('{')),
  )
  const forwarded = lines
    .map((line) => JSON.parse(line) as Wire)
    .findLast(({ url }) => url.startsWith('/list/'))
  if (!forwarded) throw new Error('Nothing was forwarded')
  const ours = [...reply.headers].filter(([name]) => name.startsWith('leasehold-'))
  return { redis: redisNow, replica, repeat: { ...repeat, body }, forwarded, reply: Object.fromEntries(ours) }
}

/** What all of them hold, once that is the same. */
export function settled(instances: readonly Instance[]): Promise<Replica> {
  return eventually(
    async () => {
      const replicas = await Promise.all(
        instances.map(async (each) => (await each.request<Replica>('GET', '/replica')).body),
      )
      return new Set(replicas.map((each) => JSON.stringify(each))).size === 1 && replicas[0]
    },
    { message: 'all replicas to be equal' },
  )
}
