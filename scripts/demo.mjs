/**
 * Kills the leader with -9 again and again under load, then compares what clients were told with what every instance
 * holds: `npm run demo [-- --seconds N --instances N --ttl MS --install]`. Exit code 0 only if nothing was lost or
 * duplicated, all replicas are equal and there was a failover.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:os'
import { build } from './lib/build.mjs'
import { startGroup } from './lib/demo-group.mjs'
import { killLeaders } from './lib/demo-kills.mjs'
import { LIST_KEYS, startLoad, VALUE_KEYS } from './lib/demo-load.mjs'
import { readOptions } from './lib/demo-options.mjs'
import { showProgress } from './lib/demo-progress.mjs'
import { reportLines } from './lib/demo-report.mjs'
import { openScreen } from './lib/demo-screen.mjs'
import { judge } from './lib/demo-verdict.mjs'
import { install } from './lib/install.mjs'
import { openRedis } from './lib/private-redis.mjs'
import { runScript, stopSignal } from './lib/script.mjs'
import { note, seconds, step } from './lib/step.mjs'

const CLIENTS = 12
/** An instance holds a request for as long as it takes to elect by expiry, then says so: wait longer than that. */
const HOLD_MS = 10_000

/** The load and the kills; resolves once the last client has its answer. */
async function play({ group, durationMs, leaseTtlMs, signal }) {
  const ending = new AbortController()
  const running = AbortSignal.any([signal, ending.signal])
  const screen = openScreen()
  const failoversMs = []
  const startedAtMs = performance.now()
  const tell = (text) => screen.event(`${seconds(performance.now() - startedAtMs).padStart(8)}  ${text}`)
  try {
    const timeoutMs = leaseTtlMs + HOLD_MS
    const load = startLoad({ clients: CLIENTS, up: group.up, timeoutMs, signal: running })
    const progress = showProgress({
      screen,
      group,
      load,
      failoversMs,
      startedAtMs,
      durationMs,
      signal: running,
    })
    const endAtMs = startedAtMs + durationMs
    await killLeaders({ group, load, endAtMs, failoversMs, leaseTtlMs, signal: running, tell })
    const measured = group.leader()?.status.measured ?? {}
    await load.stop()
    ending.abort()
    await progress
    return { operations: load.operations, unreachable: load.unreachable(), failoversMs, measured }
  } finally {
    ending.abort()
    screen.close()
  }
}

async function playAndJudge(options, group, stopped) {
  const signal = AbortSignal.any([stopped, group.broken])
  const played = await play({ ...options, group, signal })
  const replicas = await step('compare what every instance holds', async () => {
    await group.untilLevel(signal)
    return group.readReplicas({ lists: LIST_KEYS, values: VALUE_KEYS })
  })
  const verdict = judge({ operations: played.operations, replicas })
  const isPassed = verdict.isSound && verdict.acknowledged > 0 && played.failoversMs.length > 0
  return { ...played, replicas, verdict, isPassed }
}

async function stop(group, redis) {
  await step('stop', async (say) => {
    const complaints = (await group?.stop()) ?? []
    if (complaints.length > 0) say(complaints.join(', '))
    await redis.stop()
  })
}

/** Without a Redis client of its own the demo leaves them. */
function noteLeftKeys(groupName) {
  const remove = `redis-cli -u "$REDIS_URL" --scan --pattern 'leasehold:{${groupName}}:*' | xargs redis-cli -u "$REDIS_URL" unlink`
  note(`\nThe group's log stays on your Redis. To remove it:\n  ${remove}`)
}

async function demo(args) {
  const options = readOptions(args)
  const { count, durationMs, leaseTtlMs } = options
  await install()
  await build()
  // Until all is up a Ctrl-C simply ends this script, and what it has started with it.
  const redis = await openRedis({ install: options.install, appendOnly: true })
  // A name of its own: nothing of an earlier run, or of anybody else's group on this Redis, is touched.
  const groupName = `demo-${randomBytes(4).toString('hex')}`
  let group
  let stopped
  let result
  try {
    group = await step(`start ${count} instances`, () =>
      startGroup({ count, redisUrl: redis.url, group: groupName, leaseTtlMs, env: { LOG: '1' } }),
    )
    stopped = stopSignal()
    note(
      `\n  ${CLIENTS} clients for ${seconds(durationMs)} · lease TTL ${leaseTtlMs} ms · the leader is killed with -9\n`,
    )
    result = await playAndJudge(options, group, stopped)
    if (!result.isPassed) note(`\n${group.recentOutput()}\n`)
  } catch (error) {
    const isBroken = group?.broken.aborted
    if (isBroken || !stopped?.aborted) {
      if (group) note(`\n${group.recentOutput()}\n`)
      throw isBroken ? group.broken.reason : error
    }
  } finally {
    await stop(group, redis)
  }
  if (!result) return 128 + constants.signals[stopped.reason]
  reportLines(result).forEach(note)
  if (!redis.isPrivate) noteLeftKeys(groupName)
  return result.isPassed ? 0 : 1
}

await runScript(demo)
