import { join } from 'node:path'
import { startChild } from './child.mjs'
import { root } from './root.mjs'
import { ScriptError } from './script.mjs'

const SERVER = join(root, 'examples/kv/dist/server.js')
const LISTENING = /^listening (http:\/\/\S+)$/
const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000

/**
 * Starts one instance of the kv example and resolves once it listens.
 *
 * `redisUrl`, `group`, `leaseTtlMs`: see the example's environment; `env`: more of it; `server`: another program
 * that keeps the same contract; `onLine(line)`: what else the instance prints.
 *
 * Resolves to { url, pid, ended, hasEnded(), recentOutput(), signal(name), stop(), kill() }: `stop` is a graceful
 * end with a deadline, `kill` is kill -9; both resolve to the instance's { code, signal }.
 */
export async function startInstance({
  redisUrl,
  group,
  leaseTtlMs,
  env,
  server = SERVER,
  onLine = () => {},
}) {
  let listening
  const untilListening = new Promise((resolve) => {
    listening = resolve
  })
  const child = startChild(process.execPath, [server], {
    env: {
      ...process.env,
      ...env,
      PORT: '0',
      REDIS_URL: redisUrl,
      GROUP: group,
      ...(leaseTtlMs === undefined ? {} : { LEASE_TTL_MS: `${leaseTtlMs}` }),
    },
    onLine(line) {
      const match = LISTENING.exec(line)
      if (match) listening(match[1])
      else onLine(line)
    },
  })
  let timer
  const untilTimeout = new Promise((resolve) => {
    timer = setTimeout(resolve, START_TIMEOUT_MS)
  })
  const url = await Promise.race([untilListening, child.ended.then(() => undefined), untilTimeout])
  clearTimeout(timer)
  if (url === undefined) {
    const how = child.hasEnded() ? 'ended before it listened' : `did not listen within ${START_TIMEOUT_MS} ms`
    child.signal('SIGKILL')
    await child.ended
    throw new ScriptError(`An instance ${how}:\n${child.recentOutput()}`)
  }
  const kill = () => {
    child.signal('SIGKILL')
    return child.ended
  }
  return { ...child, url, stop: () => child.stop(STOP_TIMEOUT_MS), kill }
}

/**
 * Starts `count` instances at once; takes what startInstance takes, and onLine(line, number) with the instance's
 * number from 1. If one fails the others are killed.
 */
export async function startInstances(count, { onLine = () => {}, ...options }) {
  const starting = Array.from({ length: count }, (_, i) =>
    startInstance({ ...options, onLine: (line) => onLine(line, i + 1) }),
  )
  const results = await Promise.allSettled(starting)
  const failure = results.find(({ status }) => status === 'rejected')
  const started = results.filter(({ status }) => status === 'fulfilled').map(({ value }) => value)
  if (!failure) return started
  await Promise.all(started.map((instance) => instance.kill()))
  throw failure.reason
}
