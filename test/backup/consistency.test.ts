import { setTimeout as sleep } from 'node:timers/promises'
import { RecordReader } from '../../packages/core/src/log/snapshot.js'
import { type LedgerNode, member, write } from '../retention/ledger.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { exported, headerOf, linesOf, PATIENT } from './vault.js'

/** So much that writing it down takes many slices, between which the loop runs. */
const LARGE = 12_000
const EXPORTS = 6

let redis: RedisServer
/** Ends what a test has started, the load first. */
let ending: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  for (const end of ending) await end()
  ending = []
})
afterAll(stopAll)

/** Writes to whoever leads, without a pause, until it is stopped. */
function startLoad(nodes: readonly LedgerNode[]) {
  const ended = new AbortController()
  let acknowledged = 0
  const done = (async () => {
    while (!ended.signal.aborted) {
      const leader = nodes.find((node) => node.isLeader)
      if (leader)
        await write(leader, 5).then(
          () => (acknowledged += 5),
          () => {},
        )
      else await sleep(5)
    }
  })()
  return {
    get acknowledged() {
      return acknowledged
    },
    async stop() {
      ended.abort()
      await done
    },
  }
}

test.each(['leader', 'follower'] as const)(
  'what a %s under load exports is what stood at its index, no more and no less',
  async (role) => {
    await redis.wipe()
    const options = { ...PATIENT, snapshotEntries: 1000, trailingEntries: 1000, maxQueuedWrites: 50_000 }
    const nodes = [member(redis, 'a', options), member(redis, 'b', options)]
    ending = nodes.map((node) => () => node.stop())
    for (const node of nodes) await node.start()
    const leader = await eventually(
      async () => {
        const found = nodes.find((node) => node.isLeader)
        if (found) await write(found, 1000).catch(() => {}) // some, if it does not lead for long
        return found?.isLeader && found.position.index >= LARGE && found
      },
      { timeoutMs: 120_000, message: `${LARGE} entries` },
    )
    const exporter = role === 'leader' ? leader : (nodes.find((node) => node !== leader) as LedgerNode)
    await eventually(() => exporter.position.index === leader.position.index)

    const load = startLoad(nodes)
    ending.unshift(() => load.stop())
    const files: Buffer[] = []
    for (let i = 0; i < EXPORTS; i++) {
      const { acknowledged } = load
      const exporting = exported(exporter)
      // Several at once, one of which ends while the other is still being taken.
      const [file, other] =
        i % 2 === 0 ? await Promise.all([exporting, exported(exporter)]) : [await exporting]
      files.push(file, ...(other ? [other] : []))
      await eventually(() => load.acknowledged > acknowledged, {
        timeoutMs: 60_000,
        message: 'the load to go on',
      })
    }
    await load.stop()

    const { head } = await leader.groupStatus()
    await eventually(() => exporter.position.index === head)
    const items = exporter.read((state) => [...state.items])
    expect(new Set(files.map((file) => headerOf(file).index)).size).toBeGreaterThan(EXPORTS / 2)
    for (const file of files) {
      const { index } = headerOf(file)
      const reader = new RecordReader()
      for (const line of linesOf(file).slice(1, -1)) reader.read(line)
      const { state } = reader.value as {
        state: { items: string[]; byItem: Record<string, { place: number }> }
      }
      // One item an entry, so at index n there are n.
      expect(state.items).toEqual(items.slice(0, index))
      expect(Object.keys(state.byItem)).toHaveLength(index)
    }
  },
  300_000,
)
