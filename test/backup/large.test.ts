import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { eventually } from '../support/deadline.js'
import { own } from '../support/owned-process.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { accountOf, type VaultNode, vaultNode } from './vault.js'

/** 100 MB of JSON. */
const ACCOUNTS = 600_000
const STEP = 20_000
/** The default lease: a process that stood still for so long would lose it. Slices are some milliseconds long. */
const LONGEST_HOLD_MS = 5000
const MB = 1e6
const MAX_BUFFERS = 80 * MB

const running: VaultNode[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()))
})
afterAll(stopAll)

async function start(redis: RedisServer, name: string): Promise<VaultNode> {
  const node = vaultNode(redis, name, { lease: { ttlMs: 60_000 }, writeTimeoutMs: 60_000 })
  running.push(node)
  await node.start()
  return node
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of buffers that are in use. What is only waiting to be collected does not count, on a busy machine that is much. */
function heldBuffers(): number {
  if (process.memoryUsage().arrayBuffers > MAX_BUFFERS) collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** How long the event loop was held at a time while something ran. */
async function holdOf(work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  await sleep(20) // or it would not see what the work does first
  await work()
  delay.disable()
  return delay.max / 1e6
}

test('a state of 100 MB is exported, imported and loaded in little memory, and the event loop goes on', async () => {
  const [origin, redis] = await Promise.all([startRedis(), startRedis()])
  const dir = await mkdtemp(join(tmpdir(), 'leasehold-large-'))
  const file = join(dir, 'vault.leasehold.gz')
  try {
    const node = await start(origin, 'a')
    for (let from = 0; from < ACCOUNTS; from += STEP) {
      // Whether it was done or not, doing it again is no harm.
      await eventually(() => node.write('grow', { from, count: STEP }).then(() => true), {
        timeoutMs: 100_000,
      })
    }
    let buffers = 0
    const exportHold = await holdOf(() =>
      pipeline(
        node.exportSnapshot(),
        async function* (parts: AsyncIterable<Uint8Array>) {
          for await (const part of parts) {
            buffers = Math.max(buffers, heldBuffers())
            yield part
          }
        },
        createWriteStream(file),
      ),
    )
    await node.stop()
    expect(exportHold).toBeLessThan(LONGEST_HOLD_MS)
    const { size } = await stat(file)
    expect(size).toBeGreaterThan(5 * MB) // it was no small state
    expect(buffers).toBeLessThan(MAX_BUFFERS)

    // In so small a heap the state has no room, and as text it would show in the memory of the process.
    const heap = ['--max-old-space-size=32', '--max-semi-space-size=4']
    const importer = await own(process.execPath, [
      ...heap,
      join(__dirname, 'import-file.mjs'),
      ...[redis.url, 'vault', file],
    ])
    expect(await importer.exited).toEqual({ code: 0, signal: null })
    const { rssBytes, index } = JSON.parse(importer.stdout()) as { rssBytes: number; index: number }
    expect(index).toBe(node.position.index)
    expect(rssBytes).toBeLessThan(150 * MB)

    let loaded = node
    const loadHold = await holdOf(async () => {
      loaded = await start(redis, 'b')
    })
    expect(loadHold).toBeLessThan(LONGEST_HOLD_MS)
    loaded.read((state) => {
      expect(Object.keys(state)).toHaveLength(ACCOUNTS)
      let wrong = 0
      for (let i = 0; i < ACCOUNTS; i++)
        if (JSON.stringify(state[`account-${i}`]) !== JSON.stringify(accountOf(i))) wrong++
      expect(wrong).toBe(0)
    })
  } finally {
    await rm(dir, { recursive: true })
  }
}, 300_000)
