/**
 * Measures what a state of 1, 10 and 100 MB of JSON costs: `node scripts/measure-state.mjs [megabytes …]`. The figures
 * in docs/operations.md come from here. Each size runs in a process of its own, and so does each import.
 */
import { execFile } from 'node:child_process'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createNode, defineStateMachine, importSnapshot } from '../packages/core/dist/esm/index.js'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { openRedis } from './lib/private-redis.mjs'
import { runScript } from './lib/script.mjs'

const MB = 1e6
const ACCOUNT_BYTES = 167.5
const run = promisify(execFile)

/** Many small objects in one large one, about 170 bytes of JSON: customers, carts, sessions. */
const accounts = /** @type {any} */ (defineStateMachine)({
  name: 'accounts',
  version: 1,
  initial: () => ({}),
  commands: {
    grow(state, { from, count }) {
      for (let i = from; i < from + count; i++)
        state[`account-${i}`] = {
          ...{ id: i, owner: `owner number ${i}`, balance: (i * 7919) % 100_003, open: i % 3 === 0 },
          tags: [`branch-${i % 97}`, `tier-${i % 5}`],
          note: `opened in year ${1990 + (i % 36)}, last seen on day ${(i * 31) % 365}`,
        }
    },
  },
})

/** How long something takes, and how long the event loop was held at a time meanwhile. */
async function timed(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await sleep(20) // or it would not see what the work does first
  const startedMs = performance.now()
  await work()
  const ms = performance.now() - startedMs
  delay.disable()
  return { ms: Math.round(ms), heldMs: Math.round(delay.max / 1e6) }
}

function heapBytes() {
  globalThis.gc()
  return process.memoryUsage().heapUsed
}

/** Takes the first part, for which the whole snapshot is taken, and then the others. */
async function* partsOf(node, taken) {
  const parts = node.exportSnapshot()
  let first
  Object.assign(taken, await timed(async () => (first = await parts.next())))
  yield first.value
  yield* parts
}

async function measureSize(megabytes, url, file) {
  const options = { redis: url, stateMachine: accounts, lease: { ttlMs: 60_000 }, writeTimeoutMs: 60_000 }
  const node = createNode({ ...options, group: `measured-${megabytes}`, name: 'a' })
  await node.start()
  const empty = heapBytes()
  const total = Math.round((megabytes * MB) / ACCOUNT_BYTES)
  for (let from = 0; from < total; from += 20_000)
    await node.write('grow', { from, count: Math.min(20_000, total - from) })
  const heap = heapBytes() - empty
  const json = node.read((state) => JSON.stringify(state).length)
  const take = {}
  const exported = await timed(() => pipeline(partsOf(node, take), createWriteStream(file)))
  await node.stop()
  return { json, heap, take, exported, stored: statSync(file).size }
}

async function measureImport(megabytes, url, file) {
  const group = `imported-${megabytes}`
  const imported = await timed(() => importSnapshot({ group, redis: url }, createReadStream(file)))
  return { imported, rssBytes: process.resourceUsage().maxRSS * 1024 }
}

async function measureLoad(megabytes, url) {
  const options = { redis: url, stateMachine: accounts, startTimeoutMs: 120_000 }
  const node = createNode({ ...options, group: `imported-${megabytes}`, name: 'b' })
  const loaded = await timed(() => node.start())
  await node.stop()
  return { loaded }
}

/** A part of it, in a process of its own. */
async function inProcess(part, ...args) {
  const { stdout } = await run(process.execPath, [
    '--expose-gc',
    fileURLToPath(import.meta.url),
    part,
    ...args,
  ])
  return JSON.parse(stdout)
}

const parts = { size: measureSize, import: measureImport, load: measureLoad }

await runScript(async ([first, ...args]) => {
  if (first in parts) {
    process.stdout.write(JSON.stringify(await parts[first](Number(args[0]), ...args.slice(1))))
    return
  }
  await install()
  await build()
  const redis = await openRedis()
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-measured-'))
  try {
    for (const megabytes of first === undefined ? ['1', '10', '100'] : [first, ...args]) {
      const file = join(folder, megabytes)
      const size = await inProcess('size', megabytes, redis.url, file)
      const imported = await inProcess('import', megabytes, redis.url, file)
      const loaded = await inProcess('load', megabytes, redis.url)
      console.log(
        megabytes,
        JSON.stringify({ ...size, ...imported, ...loaded }, undefined, 1).replaceAll(/\s+/g, ' '),
      )
    }
  } finally {
    rmSync(folder, { recursive: true })
    await redis.stop()
  }
})
