import { within } from '../../../support/deadline.js'
import type { TcpProxy } from '../../../support/tcp-proxy.js'
import { callOf } from '../../ledger-group.js'
import type { Row } from '../row.js'
import type { Actor, Stage } from '../stage.js'

const isAppend = callOf('append')

/** Ways to cut a connection without closing it. Each returns how to end that. */
const CUTS: Readonly<Record<string, (way: TcpProxy) => () => void>> = {
  'requests are lost': (way) => {
    way.hold('toServer')
    return () => {
      way.reset()
      way.heal()
    }
  },
  'requests arrive late': (way) => {
    way.hold('toServer')
    return () => way.heal()
  },
  'replies are lost': (way) => {
    way.swallowReplies()
    return () => {
      way.heal()
      way.reset()
    }
  },
  'replies arrive late': (way) => {
    way.hold('toClient')
    return () => way.heal()
  },
  'both are lost': (way) => {
    way.halfOpen()
    return () => {
      way.heal()
      way.reset()
    }
  },
}

/** Cuts an instance off from Redis for so long. Returns how many bytes did not arrive meanwhile. */
export async function cutOff(stage: Stage, { log }: Actor, cutMs: number): Promise<number> {
  const lostBefore = log.lostBytes('toServer') + log.lostBytes('toClient')
  const end = CUTS[stage.draw.pick(Object.keys(CUTS))]?.(log)
  await stage.draw.moment(cutMs, cutMs)
  const lost = log.lostBytes('toServer') + log.lostBytes('toClient') - lostBefore
  const bytes = lost + log.heldBytes('toServer') + log.heldBytes('toClient')
  end?.()
  return bytes
}

const cuts: Row = {
  id: 'R4',
  fault: 'an instance is cut off from Redis, one way or both, without a close',
  async inject(stage) {
    const bit = { 'bytes that did not arrive': 0, 'leaders replaced': 0 }
    const { elections } = stage
    for (const ttls of [
      stage.draw.between(1.5, 2.5),
      stage.draw.between(0.3, 2.5),
      stage.draw.between(0.3, 2.5),
    ]) {
      const [follower] = await stage.followers()
      const leader = await stage.leader()
      const actor = ttls > 1.5 || !follower ? leader : stage.draw.pick([leader, follower])
      stage.avoid(actor)
      bit['bytes that did not arrive'] += await cutOff(stage, actor, ttls * stage.ttlMs)
      stage.welcome(actor)
      await stage.goesOn()
    }
    bit['leaders replaced'] = stage.elections - elections
    return { bit }
  },
}

/** Breaks a connection around a command. Each resolves when it bit. */
const BREAKS: Readonly<Record<string, (way: TcpProxy, stage: Stage) => Promise<void>>> = {
  'the reply to an append is lost': (way) => way.cutAfterReplyTo(isAppend),
  'an append is lost': (way) => way.cutWhen('toServer', isAppend),
  'an append is cut': (way, stage) =>
    way.cutWithin('toServer', isAppend, Math.floor(stage.draw.between(1, 400))),
  'any command is cut': (way, stage) =>
    way.cutWithin('toServer', () => true, Math.floor(stage.draw.between(1, 200))),
  'any reply is cut': (way, stage) =>
    way.cutWithin('toClient', () => true, Math.floor(stage.draw.between(1, 60))),
  'all connections are reset within an append': async (way) => {
    const held = way.holdWhen('toServer', isAppend)
    await held
    way.reset()
    way.release()
  },
}

/**
 * Breaks a connection of the leader, or where any command will do, of anybody. Returns whether that bit: a leader that is
 * replaced before sends no append.
 */
export async function breakConnection(stage: Stage, how: string): Promise<boolean> {
  const { log } = how.startsWith('any') ? stage.draw.pick(stage.actors) : await stage.leader()
  const bit = await within(BREAKS[how]?.(log, stage) ?? Promise.reject(new Error(how)), {
    timeoutMs: 5000,
  }).then(
    () => true,
    () => false,
  )
  log.heal()
  return bit
}

const breaks: Row = {
  id: 'R5',
  fault:
    'replies are lost after their command ran, commands and replies are cut at some byte, connections are reset',
  async inject(stage) {
    const hows = Object.keys(BREAKS)
    const bit = Object.fromEntries(hows.map((how) => [how, 0]))
    for (const how of stage.draw.shuffled([...hows, ...hows])) {
      if (await breakConnection(stage, how)) bit[how] = (bit[how] ?? 0) + 1
      await stage.goesOn(10)
    }
    return { bit }
  },
}

/** Rows about the network between instances and Redis. */
export const networkRows: readonly Row[] = [cuts, breaks]
