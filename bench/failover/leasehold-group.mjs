import { setTimeout as sleep } from 'node:timers/promises'
import { startInstance } from '../../scripts/lib/instances.mjs'
import { ScriptError } from '../../scripts/lib/script.mjs'
import { Waiter } from './waiter.mjs'
import { WritingClient } from './writing-client.mjs'

const UP_TIMEOUT_MS = 30_000
const POLL_MS = 20
const WARM_WRITES = 50
/** Beyond the TTL: an instance holds a request that long before it says that nobody leads. */
const PATIENCE_MS = 8000
const ADMIN_TOKEN = 'bench'
const ELECTED = /^\S+ elected /
/** What this build answers where it has no switchover, or lets nobody ask for one. */
const NOT_OFFERED = new Set([403, 404, 501])
const SIGNALS = { kill: 'SIGKILL', stop: 'SIGTERM', hang: 'SIGSTOP' }

/** Three instances of the kv example, and a client that writes through a follower while the leader fails. */
export class LeaseholdGroup {
  #options
  #ttlMs
  #instances = []
  #elected = new Waiter()

  /** Without `leaseTtlMs` with the TTL that users get; `server` is another build's, to compare with. */
  constructor({ redisUrl, group, leaseTtlMs, server }) {
    this.#options = {
      ...(server && { server }),
      redisUrl,
      group,
      leaseTtlMs,
      env: { LOG: '1', LEASE_REDIS_URLS: '', WRITE_CONCERN: '', ADMIN_TOKEN },
    }
    this.#ttlMs = leaseTtlMs ?? 5000
  }

  get name() {
    return 'Leasehold'
  }

  async start(count) {
    for (let i = 0; i < count; i++) await this.#add()
    await this.#up()
  }

  async stop() {
    await Promise.all(this.#instances.map((instance) => instance.stop()))
  }

  /**
   * Has the leader fail, and measures until another says that it was elected, and until the client at a follower has a
   * write acknowledged in its term. Then a new instance takes its place.
   */
  async fail(how, random) {
    const { leader, term, followers } = await this.#up()
    const client = new WritingClient(followers[Math.floor(random() * followers.length)].url)
    let measured
    try {
      let left = WARM_WRITES
      await client.next(() => left-- === 0, UP_TIMEOUT_MS)
      client.takeLongestPauseMs()
      await sleep(random() * 250) // no failure is in step with a look, a heartbeat or a renewal
      measured = await this.#measure(how, { leader, term, client })
    } finally {
      await client.stop()
    }
    if (how === 'stop') await leader.stop()
    if (how !== 'switchover') await this.#replace(leader)
    return measured
  }

  async #measure(how, { leader, term, client }) {
    const timeoutMs = this.#ttlMs + PATIENCE_MS
    const elected = this.#elected.next(timeoutMs)
    const written = client.next((write) => write.term > term, timeoutMs)
    const startedMs = performance.now()
    if (how === 'switchover') {
      const status = await askToSwitchOver(leader)
      if (NOT_OFFERED.has(status)) return { skipped: `POST /cluster/switchover answers ${status}` }
      if (status !== 200) return { invalid: `POST /cluster/switchover answered ${status}` }
    } else {
      leader.signal(SIGNALS[how])
    }
    const first = await written
    if (!first) return { invalid: 'no write was acknowledged in a later term' }
    const next = await elected
    if (!next || next.instance === leader) return { invalid: 'no other instance was elected' }
    return {
      startedMs,
      electedMs: next.atMs - startedMs,
      writtenMs: first.atMs - startedMs,
      pausedMs: client.takeLongestPauseMs(),
      refused: client.refused,
    }
  }

  async #replace(instance) {
    await instance.kill() // or it has ended already
    this.#instances = this.#instances.filter((other) => other !== instance)
    await this.#add() // and the next time all are waited for, while the other groups have their turn
  }

  async #add() {
    const started = {}
    const onLine = (line) => {
      if (ELECTED.test(line)) this.#elected.happened({ instance: started.instance, atMs: performance.now() })
    }
    started.instance = await startInstance({ ...this.#options, onLine })
    this.#instances.push(started.instance)
  }

  /** Waits until all are in step and know one leader, and each other. */
  async #up() {
    const deadlineMs = performance.now() + UP_TIMEOUT_MS
    for (;;) {
      const seen = await Promise.all(this.#instances.map((instance) => statusOf(instance)))
      const leading = seen.filter(({ instance }) => instance?.role === 'leader')
      const [leader] = leading
      const isUp = ({ instance, group }) =>
        instance?.leader?.id === leader?.instance.id &&
        instance.caughtUp &&
        group?.members.filter(({ alive }) => alive).length === this.#instances.length
      if (leading.length === 1 && seen.every(isUp)) {
        const at = seen.indexOf(leader)
        const followers = this.#instances.filter((_, i) => i !== at)
        return { leader: this.#instances[at], term: leader.instance.term, followers }
      }
      if (performance.now() > deadlineMs)
        throw new ScriptError(`The instances are not up:\n${JSON.stringify(seen)}`)
      await sleep(POLL_MS)
    }
  }
}

async function askToSwitchOver({ url }) {
  const headers = { 'x-admin-token': ADMIN_TOKEN }
  const response = await fetch(`${url}/cluster/switchover`, { method: 'POST', headers })
  await response.arrayBuffer()
  return response.status
}

async function statusOf({ url }) {
  try {
    const response = await fetch(`${url}/cluster/status`, { signal: AbortSignal.timeout(2000) })
    return await response.json()
  } catch {
    return {}
  }
}
