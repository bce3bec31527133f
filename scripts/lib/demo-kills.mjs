/** Ends the leader with kill -9 again and again, and measures how long writes stood still. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ScriptError } from './script.mjs'

const CALM_MS = 1500
const DOWN_MS = 1000
/** What is left of the run after the last kill, so that its failover is inside. */
const LAST_CALM_MS = 2500
/** A failover by expiry of the lease takes its TTL; more than this beyond it is no failover. */
const PATIENCE_MS = 10_000
const LOOK_MS = 20

async function untilLeader(group, withinMs, signal) {
  const deadlineMs = performance.now() + withinMs
  for (await group.look(); !group.leader(); await group.look()) {
    if (performance.now() > deadlineMs) throw new ScriptError(`Nobody leads after ${withinMs} ms.`)
    await sleep(LOOK_MS, undefined, { signal })
  }
  return group.leader()
}

/** From the kill to the first acknowledged write that was sent after it, by this process' monotonic clock. */
async function failover({ group, load, leaseTtlMs, signal, tell }) {
  const withinMs = leaseTtlMs + PATIENCE_MS
  const slot = await untilLeader(group, withinMs, signal)
  const { term } = slot.status
  tell(`kill -9 leader ${slot.name} (term ${term})`)
  const killedAtMs = performance.now()
  const gone = group.kill(slot)
  const waiting = AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
  const first = await load
    .firstWrite({ afterMs: killedAtMs, afterTerm: term, signal: waiting })
    .catch((error) => {
      if (signal.aborted) throw error
      throw new ScriptError(`No write was acknowledged within ${withinMs} ms of the kill.`)
    })
  const failoverMs = first.endedAtMs - killedAtMs
  await gone
  const heir = await untilLeader(group, withinMs, signal)
  tell(`new leader ${heir.name} after ${Math.round(failoverMs)} ms (term ${first.term})`)
  return { slot, killedAtMs, failoverMs }
}

/**
 * Runs until `endAtMs`: some calm, kill, failover, start again what was killed. `failoversMs` receives each failover;
 * `tell(text)` is called for each event.
 */
export async function killLeaders({ group, endAtMs, failoversMs, signal, tell, ...rest }) {
  for (;;) {
    await sleep(CALM_MS, undefined, { signal })
    if (performance.now() + LAST_CALM_MS > endAtMs) break
    const { slot, killedAtMs, failoverMs } = await failover({ group, signal, tell, ...rest })
    failoversMs.push(failoverMs)
    await sleep(Math.max(0, killedAtMs + DOWN_MS - performance.now()), undefined, { signal })
    const startedAtMs = performance.now()
    await group.restart(slot)
    tell(`${slot.name} is back, ${Math.round(performance.now() - startedAtMs)} ms after its start`)
  }
  await sleep(Math.max(0, endAtMs - performance.now()), undefined, { signal })
}
