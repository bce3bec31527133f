/** The demo's instances: each has a slot with a name that outlives its processes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startInstance, startInstances } from './instances.mjs'
import { ScriptError } from './script.mjs'

const STATUS_TIMEOUT_MS = 1000
const READ_TIMEOUT_MS = 10_000
const LEVEL_DEADLINE_MS = 10_000
const LEVEL_POLL_MS = 50

async function getJson(url, timeoutMs) {
  const failed = (why) => new ScriptError(`GET ${url}: ${why}`)
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) }).catch((error) => {
    throw failed(error.cause?.message ?? error.message)
  })
  const text = await response.text()
  // 404 is the example's answer for a key that was never put.
  if (!response.ok && response.status !== 404) throw failed(`${response.status} ${text}`)
  return JSON.parse(text)
}

/** What an instance says of itself and the group; undefined while it does not answer. */
async function statusOf({ instance }) {
  if (instance.hasEnded()) return undefined
  try {
    const {
      instance: own,
      group,
      ...measured
    } = await getJson(`${instance.url}/cluster/status`, STATUS_TIMEOUT_MS)
    return {
      isLeader: own.role === 'leader',
      role: own.role,
      term: own.term,
      index: own.position.index,
      head: group?.head ?? 0,
      measured,
    }
  } catch {
    return undefined
  }
}

/** What one instance holds by itself: plain local reads. */
async function readReplica({ name, instance, status }, { lists, values }) {
  const read = async (path, field) =>
    (await getJson(`${instance.url}${path}?consistency=local`, READ_TIMEOUT_MS))[field]
  const all = async (keys, folder, field) =>
    Object.fromEntries(
      await Promise.all(keys.map(async (key) => [key, await read(`/${folder}/${key}`, field)])),
    )
  return {
    name,
    index: status?.index,
    lists: await all(lists, 'list', 'items'),
    values: await all(values, 'kv', 'value'),
  }
}

/**
 * Starts `count` instances; takes what startInstance takes. Resolves to an object with the slots
 * ({ name, instance, status }) and what the demo does with them.
 */
export async function startGroup({ count, ...options }) {
  const slots = (await startInstances(count, options)).map((instance, i) => ({
    name: `kv-${i + 1}`,
    instance,
    status: undefined,
  }))
  let isStopping = false
  const broken = new AbortController()

  function watch({ name, instance }) {
    void instance.ended.then(({ code, signal }) => {
      if (isStopping || instance.wasKilled) return
      const how = signal ?? `exit code ${code}`
      broken.abort(new ScriptError(`${name} ended by itself (${how}).`))
    })
  }
  slots.forEach(watch)

  const group = {
    slots,
    /** Aborted, with the error to report, when an instance ends that nobody told to. */
    broken: broken.signal,
    up: () => slots.filter(({ instance }) => !instance.hasEnded()),
    /** Asks every instance anew. */
    async look() {
      await Promise.all(
        slots.map(async (slot) => {
          slot.status = await statusOf(slot)
        }),
      )
    },
    /** The slot that led at the last look; of two that said so, the one with the newer term. */
    leader: () =>
      slots
        .filter(({ status }) => status?.isLeader)
        .toSorted((a, b) => b.status.term - a.status.term)
        .at(0),
    head: () => Math.max(0, ...slots.map(({ status }) => status?.head ?? 0)),
    async kill({ instance }) {
      instance.wasKilled = true
      await instance.kill()
    },
    async restart(slot) {
      slot.instance = await startInstance(options)
      watch(slot)
    },
    /** Waits until all stand at the head; gives up after a while, and leaves the rest to the comparison. */
    async untilLevel(signal) {
      const deadlineMs = performance.now() + LEVEL_DEADLINE_MS
      const isLevel = () => slots.every(({ status }) => status && status.index === group.head())
      for (await group.look(); !isLevel() && performance.now() < deadlineMs; await group.look()) {
        await sleep(LEVEL_POLL_MS, undefined, { signal })
      }
    },
    readReplicas: (keys) => Promise.all(slots.map((slot) => readReplica(slot, keys))),
    /** The last lines that each instance printed, for a run that went wrong. */
    recentOutput: () =>
      slots.map(({ name, instance }) => `${name} printed last:\n${instance.recentOutput()}`).join('\n\n'),
    /** Stops all; resolves to what was wrong about how they ended. */
    async stop() {
      isStopping = true
      const ends = await Promise.all(slots.map(({ instance }) => instance.stop()))
      return slots
        .map(({ name, instance }, i) => ({ name, wasKilled: instance.wasKilled, ...ends[i] }))
        .filter(({ wasKilled, code }) => !wasKilled && code !== 0)
        .map(({ name, code, signal }) => `${name} ended with ${signal ?? `exit code ${code}`}`)
    },
  }
  return group
}
