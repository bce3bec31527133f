import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { addItems, knowingMember, newMember, oldMember, stopMembers } from './ledger.js'

/** Far below the time that an instance tries to start. */
const AT_ONCE_MS = 10_000
const META = 'leasehold:{deploys}:meta'

let redis: RedisServer

beforeEach(async () => {
  redis = await startRedis({ appendOnly: 'everysec' })
})
afterEach(async () => {
  await stopMembers()
  await redis.stop()
})
afterAll(stopAll)

const meta = async (field: string) => (await redis.command('HGET', META, field)) as string | null

/** Everything that stands in Redis, byte for byte. */
async function everything(): Promise<Record<string, string>> {
  const names = ((await redis.command('KEYS', '*')) as string[]).toSorted()
  const all: Record<string, string> = {}
  for (const name of names) {
    const type = String(await redis.command('TYPE', name))
    const words = { hash: ['HGETALL', name], stream: ['XRANGE', name, '-', '+'] }[type] ?? ['DUMP', name]
    const [command = '', ...args] = words
    all[name] = `${type} ${JSON.stringify(await redis.command(command, ...args))}`
  }
  return all
}

/** Names of the connections that belong to the group. */
async function connections(): Promise<string[]> {
  const clients = String(await redis.command('CLIENT', 'LIST'))
  return [...clients.matchAll(/ name=(leasehold:deploys:\S*)/g)].map(([, name = '']) => name)
}

/** A group of version 2 that has written, taken snapshots and trimmed its log, and is down. */
async function writtenBy2(): Promise<{ items: string[]; head: number }> {
  const node = newMember(redis, 'last')
  await node.start()
  while (Number(await meta('first')) < 200) await addItems(node, 20)
  await node.write('note', { item: 'x', text: 'of version 2' })
  const { items } = node.read((state) => structuredClone(state))
  const head = node.position.index
  expect((await connections()).length).toBeGreaterThan(0)
  await node.stop()
  return { items, head }
}

async function refusalOf(node: {
  start(): Promise<void>
}): Promise<{ code: string; message: string; ms: number }> {
  const startedMs = performance.now()
  const error = await node.start().then(
    () => ({ code: 'started', message: '' }),
    ({ code, message }: { code: string; message: string }) => ({ code, message }),
  )
  return { ...error, ms: performance.now() - startedMs }
}

test('the whole group is down: version 1 refuses to start and changes nothing, version 2 goes on', async () => {
  const { items, head } = await writtenBy2()
  const before = await everything()

  const { code, message, ms } = await refusalOf(oldMember(redis, 'old'))

  expect(code).toBe('VERSION_TOO_OLD')
  expect(message).toMatch(
    /holds entries that version 2 of the app wrote, this is version 1\. Deploy the version/,
  )
  expect(ms).toBeLessThan(AT_ONCE_MS)
  expect(await everything()).toEqual(before)
  expect(await connections()).toEqual([])

  const node = newMember(redis, 'new')
  await node.start()
  expect(node.read((state) => state)).toEqual({ items, notes: { x: 'of version 2' } })
  await addItems(node, 1)
  expect(node.position.index).toBe(head + 1)
})

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'a snapshot',
    async () => {},
    /^The snapshot at entry \d+ was written by version 2 of the app, this is version 1/,
  ],
  [
    'entries',
    async () => {
      // As a log is that was never trimmed.
      await redis.command('FLUSHALL')
      const node = newMember(redis, 'again')
      await node.start()
      await addItems(node, 3)
      await node.stop()
    },
    /^Entry 1 was written by version 2 of the app, this is version 1/,
  ],
])(
  'what is too new is found in %s as well, where the log does not say so itself: no new log',
  async (_, arrange, said) => {
    await writtenBy2()
    await arrange()
    await redis.command('HDEL', META, 'appVersion')
    const [logId, head] = [await meta('logId'), await meta('head')]

    const { code, message, ms } = await refusalOf(oldMember(redis, 'old'))

    expect(code).toBe('VERSION_TOO_OLD')
    expect(message).toMatch(said)
    expect(ms).toBeLessThan(AT_ONCE_MS)
    expect([await meta('logId'), await meta('head')]).toEqual([logId, head])
    expect(await connections()).toEqual([])
    const node = newMember(redis, 'new')
    await node.start()
    await addItems(node, 1)
    expect(node.position.index).toBe(Number(head) + 1)
  },
)

test('an app of the same version without a command that stands in the log refuses to start', async () => {
  const knowing = knowingMember(redis, 'knowing')
  await knowing.start()
  await knowing.write('note', { item: 'x', text: 'y' })

  const { code, message } = await refusalOf(oldMember(redis, 'old'))

  expect(code).toBe('VERSION_TOO_OLD')
  expect(message).toMatch(/^Entry 1 runs the command "note", which this version 1 of the app does not have/)
})

test('such an app starts from a snapshot that has those entries behind itself, and halts at the next one', async () => {
  const knowing = knowingMember(redis, 'knowing')
  await knowing.start()
  await knowing.write('note', { item: 'x', text: 'y' })
  while (Number(await meta('first')) < 200) await addItems(knowing, 20)

  const old = oldMember(redis, 'old')
  await old.start()
  await addItems(knowing, 1)
  await eventually(() => old.position.index === knowing.position.index, { message: 'the old one to follow' })
  expect(old.read((state) => state)).toEqual(knowing.read((state) => state))

  await knowing.write('note', { item: 'z', text: 'z' })
  await eventually(() => old.status().halted === 'VERSION_TOO_OLD', { message: 'the old one to halt' })
  expect(old.position.index).toBe(knowing.position.index - 1)
})

test('an app that starts while a newer one leads and has written nothing joins, and halts at its first write', async () => {
  const newer = newMember(redis, 'newer')
  await newer.start()
  const older = oldMember(redis, 'older', { heartbeatMs: 60_000 })
  await older.start()
  await addItems(newer, 1)

  await eventually(() => older.status().halted === 'VERSION_TOO_OLD', { message: 'the older one to halt' })
  expect(older.status()).toMatchObject({
    ...{ stale: true, caughtUp: true, eligible: false, lagEntries: 1 },
    ineligibleBecause: 'its replica does not follow the log (VERSION_TOO_OLD)',
  })
  // It says so at once: its next heartbeat is a minute away.
  await eventually(
    async () => {
      const { members } = await newer.groupStatus()
      return members.find(({ id }) => id === older.id)?.eligible === false
    },
    { message: 'the others to know' },
  )
  const { members } = await newer.groupStatus()
  expect(members.map(({ name, appVersion, halted }) => ({ name, appVersion, halted }))).toEqual(
    expect.arrayContaining([
      { name: 'newer', appVersion: 2, halted: undefined },
      { name: 'older', appVersion: 1, halted: 'VERSION_TOO_OLD' },
    ]),
  )
  await addItems(newer, 5)
  await expect(older.write('add', 'x')).rejects.toMatchObject({
    code: 'NOT_LEADER',
    leader: { id: newer.id },
  })
  expect(older.read((state, { index }) => ({ state, index }))).toEqual({ state: { items: [] }, index: 0 })
  expect(older.warnings.filter(({ code }) => code === 'VERSION_TOO_OLD')).toHaveLength(1)
  expect(older.warnings.find(({ code }) => code === 'VERSION_TOO_OLD')?.message).toContain(
    'Entry 1 was written by version 2 of the app, this is version 1; this instance stops applying the log',
  )
})
