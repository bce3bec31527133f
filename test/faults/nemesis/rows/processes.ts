import { eventually, within } from '../../../support/deadline.js'
import type { Direction } from '../../../support/tcp-proxy.js'
import { callOf } from '../../ledger-group.js'
import type { Row } from '../row.js'
import type { Actor, Stage } from '../stage.js'

const HOUR_MS = 3_600_000

/** Kills the leader, and starts another process in its place. Returns how many terms began then. */
export async function killLeader(stage: Stage): Promise<number> {
  const leader = await stage.leader()
  await stage.draw.moment(0, 50)
  const { elections } = stage
  await leader.instance.kill9()
  await stage.electionAfter(elections)
  await stage.add()
  return stage.elections - elections
}

/**
 * Has the leader stand still while an append of its own is under way, for so long or until another one leads; the append
 * arrives then. Returns whether another one did lead.
 */
export async function pauseLeader(stage: Stage, pauseMs: number): Promise<boolean> {
  const leader = await stage.leader()
  // What it sends next waits on its way, so that there is something to be fenced. If others are at it, too, there may be none.
  await within(leader.log.holdWhen('toServer', callOf('append')), { timeoutMs: 2000 }).catch(() => {})
  const { elections } = stage
  stage.avoid(leader)
  await leader.instance.pause()
  if (pauseMs > stage.ttlMs) await stage.electionAfter(elections)
  else await stage.draw.moment(pauseMs, pauseMs)
  const wasReplaced = stage.elections > elections
  leader.log.heal()
  leader.instance.resume()
  stage.welcome(leader)
  return wasReplaced
}

/** Has the event loop of an instance stand still. */
export async function block({ instance }: Actor, ms: number): Promise<void> {
  await instance.request('POST', `/faults/block?ms=${Math.round(ms)}`)
}

const nothing: Row = {
  id: 'R0',
  fault: 'none',
  async inject(stage) {
    const before = stage.history.length
    await stage.draw.moment(1500, 2500)
    return { bit: { requests: stage.history.length - before }, isSeamless: true }
  },
}

const killedLeaders: Row = {
  id: 'R1',
  fault: 'the leader is killed, three times over',
  async inject(stage) {
    const bit = { 'leaders killed': 0, 'terms after them': 0 }
    for (let kill = 1; kill <= 3; kill++) {
      bit['terms after them'] += await killLeader(stage)
      bit['leaders killed']++
      await stage.goesOn()
      await stage.draw.moment()
    }
    return { bit }
  },
}

const pausedLeaders: Row = {
  id: 'R2',
  fault: 'the leader stands still for 0.5 to 3 TTL, and its append arrives when another one leads',
  async inject(stage) {
    const bit = { 'leaders replaced': 0, 'appends fenced': 0 }
    const pauses = stage.draw.shuffled([stage.draw.between(1.5, 3), stage.draw.between(0.5, 3)])
    const look = (chunk: Buffer, direction: Direction) => {
      if (direction === 'toClient' && chunk.includes('FENCED')) bit['appends fenced']++
    }
    for (const { log } of stage.actors) log.events.on('passed', look)
    for (const ttls of pauses) {
      if (await pauseLeader(stage, ttls * stage.ttlMs)) bit['leaders replaced']++
      await stage.goesOn()
    }
    return { bit }
  },
}

const blockedLeaders: Row = {
  id: 'R3',
  fault: 'the event loop of the leader stands still',
  stage: () => ({ ttlMs: 3000, node: { hangAfterMs: 500 } }),
  async inject(stage) {
    const bit = { 'blocks over': 0, 'leaders replaced': 0 }
    for (const ms of stage.draw.shuffled([stage.draw.between(1500, 2500), stage.draw.between(100, 2500)])) {
      const leader = await stage.leader()
      const { elections } = stage
      stage.avoid(leader)
      await block(leader, ms)
      await eventually(() => stage.notes('blockedMs').length > bit['blocks over'], {
        message: 'the block to end',
      })
      bit['blocks over']++
      bit['leaders replaced'] += stage.elections - elections
      stage.welcome(leader)
      await stage.goesOn()
    }
    return { bit }
  },
}

const shiftedClocks: Row = {
  id: 'R12',
  fault: 'the wall clocks of the instances jump by an hour either way',
  async inject(stage) {
    const bit = { 'clocks that were off': 0 }
    for (let jump = 1; jump <= 4; jump++) {
      for (const { instance } of stage.actors) {
        const ms = stage.draw.pick([-HOUR_MS, -60_000, 60_000, HOUR_MS])
        const { body } = await instance.request<{ nowMs: number }>('POST', `/faults/clock?ms=${ms}`)
        if (Math.abs(body.nowMs - Date.now()) > Math.abs(ms) / 2) bit['clocks that were off']++
      }
      await stage.draw.moment(200, 600)
    }
    return { bit, isSeamless: true }
  },
}

/** Rows about what happens to processes. */
export const processRows: readonly Row[] = [
  nothing,
  killedLeaders,
  pausedLeaders,
  blockedLeaders,
  shiftedClocks,
]
