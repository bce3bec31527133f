/** The demo's clients: they append, put and get through whatever instance is up, and remember what they were told. */
import { EventEmitter, on } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** Few lists, so that one item after the other must be in order; more keys, as only the last put to each is seen. */
export const LIST_KEYS = ['l1', 'l2', 'l3', 'l4']
export const VALUE_KEYS = Array.from({ length: 24 }, (_, i) => `v${i + 1}`)

/** A laptop is not to be saturated. */
const THINK_MS = { least: 10, spread: 20 }
/** For a client that found nobody to ask. */
const NOBODY_MS = 20
const JSON_TYPE = { 'content-type': 'application/json' }

const pick = (from) => from[Math.floor(Math.random() * from.length)]

/** What the n-th operation of a client is; its value is unique in this run. */
function nextOperation(client, n) {
  const value = `c${client}-${n}`
  const dice = Math.random()
  if (dice < 0.4) return { kind: 'append', key: pick(LIST_KEYS), value }
  if (dice < 0.7) return { kind: 'put', key: pick(VALUE_KEYS), value }
  return { kind: 'get', key: pick(VALUE_KEYS) }
}

function requestFor({ kind, key, value }) {
  if (kind === 'append') {
    return { path: `/list/${key}`, method: 'POST', body: JSON.stringify({ item: value }) }
  }
  if (kind === 'put') return { path: `/kv/${key}`, method: 'PUT', body: JSON.stringify({ value }) }
  return { path: `/kv/${key}`, method: 'GET' }
}

function outcomeOf(kind, status, body) {
  if (status === 200 || (status === 404 && kind === 'get')) return { outcome: 'acknowledged' }
  const code = body.error?.code
  // Only a 503 of Leasehold's own says that nothing ran.
  const isRefused = status === 503 && code !== undefined && code !== 'OUTCOME_UNKNOWN'
  return { outcome: isRefused ? 'refused' : 'unknown', reason: code ?? `HTTP ${status}` }
}

/** A connection that broke under a request says nothing about the request: it may have run, or may still run. */
function brokenOutcome(error, slot, instance) {
  const code = error.cause?.code ?? error.name
  if (code === 'ECONNREFUSED') return { outcome: 'unreachable' }
  if (code === 'TimeoutError') return { outcome: 'unknown', reason: `no reply of ${slot.name} in time` }
  const reason = instance.wasKilled ? 'instance killed under the request' : `${slot.name} broke off (${code})`
  return { outcome: 'unknown', reason }
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

/** Sends one operation to one instance; resolves to the outcome and what the reply said. Never rejects. */
async function ask(slot, operation, position, timeoutMs) {
  const { instance } = slot
  const { path, ...request } = requestFor(operation)
  const headers = position === undefined ? JSON_TYPE : { ...JSON_TYPE, 'Leasehold-Position': position }
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(instance.url + path, { ...request, headers, signal })
    const body = parse(await response.text())
    return {
      ...outcomeOf(operation.kind, response.status, body),
      index: body.index,
      term: body.term,
      position: body.position,
      header: response.headers.get('leasehold-position') ?? undefined,
    }
  } catch (error) {
    return brokenOutcome(error, slot, instance)
  }
}

/**
 * Starts `clients` clients with one request at a time each. `up()` names the slots that may be asked; a request takes
 * at most `timeoutMs`; an abort of `signal` ends the load at once.
 *
 * Returns { operations, unreachable(), firstWrite(), stop() }; for the operations see demo-verdict.mjs, they also
 * have `via`, `reason`, `startedAtMs` and `endedAtMs`.
 */
export function startLoad({ clients, up, timeoutMs, signal }) {
  const operations = []
  const news = new EventEmitter()
  const stopping = new AbortController()
  const ended = AbortSignal.any([signal, stopping.signal])
  let unreachable = 0

  async function client(number) {
    let position
    let seenIndex = 0
    for (let n = 1; !ended.aborted; ) {
      const operation = nextOperation(number, n)
      const slot = pick(up())
      const startedAtMs = performance.now()
      const { header, ...reply } = slot
        ? await ask(slot, operation, position, timeoutMs)
        : { outcome: 'unreachable' }
      if (reply.outcome === 'unreachable') {
        // Nothing was sent: the client goes to another instance, as a load balancer would have at once.
        if (slot) unreachable += 1
        await sleep(slot ? 0 : NOBODY_MS)
        continue
      }
      const endedAtMs = performance.now()
      const done = { ...operation, ...reply, via: slot.name, startedAtMs, endedAtMs, seenIndex }
      operations.push(done)
      news.emit('done', done)
      if (reply.outcome === 'acknowledged') {
        position = header ?? position
        if (operation.kind !== 'get') seenIndex = reply.index
      }
      n += 1
      const thinkMs = THINK_MS.least + Math.random() * THINK_MS.spread
      await sleep(thinkMs)
    }
  }

  const running = Promise.all(Array.from({ length: clients }, (_, i) => client(i + 1)))
  return {
    operations,
    /** Connections that a dead instance refused; the operation then went to another one. */
    unreachable: () => unreachable,
    /** The first acknowledged write of a term after `afterTerm` that was sent after `afterMs`. */
    async firstWrite({ afterMs, afterTerm, signal: waiting }) {
      for await (const [done] of on(news, 'done', { signal: waiting })) {
        const isWrite = done.kind !== 'get' && done.outcome === 'acknowledged'
        if (isWrite && done.startedAtMs > afterMs && done.term > afterTerm) return done
      }
    },
    /** Lets each client end its request. */
    async stop() {
      stopping.abort()
      await running
    },
  }
}
