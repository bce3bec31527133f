import { eventually } from '../../../support/deadline.js'
import type { RedisServer } from '../../../support/redis-server.js'
import type { Apart, Bite, Row } from '../row.js'
import { isCopyOf, SentinelSet } from '../sentinel-set.js'
import type { Stage, StageOptions } from '../stage.js'

/** How it comes that another server takes over, and what the old one does later. */
interface Failover {
  begin(set: SentinelSet, old: RedisServer): Promise<void>
  end(old: RedisServer): Promise<void>
  /** Whether the old server takes writes beside the other one, for as long as nobody tells it. */
  readonly oldGoesOn?: boolean
}

const FAILOVERS = {
  'asked for': {
    begin: ({ sentinels }) => sentinels.failOver(),
    end: async () => {},
    oldGoesOn: true,
  },
  'after a kill': {
    begin: (_, old) => old.kill(),
    end: (old) => old.restart(),
  },
  'while the old one stands still': {
    begin: (_, old) => old.pause(),
    end: async (old) => old.resume(),
  },
} satisfies Record<string, Failover>

/** What was acknowledged, one more instance has, whatever a server loses that nobody waits for. */
const underSentinels = async (writeConcern: string): Promise<StageOptions> => ({
  sentinels: await SentinelSet.open(),
  writeConcern,
  // As by default: whoever claims on a server that lacks something waits for those that have it, and they for their clients.
  node: { settleMs: 2000 },
})

/** Whether each instance does its commands there, and so no more anywhere else. */
async function allAreAt(server: RedisServer, stage: Stage): Promise<boolean> {
  const clients = String(await server.command('CLIENT', 'LIST'))
  return stage.actors.every(({ instance }) => clients.includes(`-${instance.pid}:commands `))
}

/** Whether no connection of any instance is left there, for whatever duty. */
async function nobodyIsAt(server: RedisServer): Promise<boolean> {
  return !String(await server.command('CLIENT', 'LIST')).includes(' name=leasehold:')
}

/** Whether the leader's claim is one of that server as it is now. */
async function hasClaim(server: RedisServer, stage: Stage): Promise<boolean> {
  const claimed = String(await server.command('HGET', stage.keys.meta, 'replId'))
  return String(await server.command('INFO', 'replication')).includes(`master_replid:${claimed}\r\n`)
}

/** The server that has taken over from another one, once everybody has arrived there. */
async function successorOf(old: RedisServer, stage: Stage, set: SentinelSet): Promise<RedisServer> {
  const successor = async () => {
    const server = await set.present()
    const isDone =
      server && server !== old && (await hasClaim(server, stage)) && (await allAreAt(server, stage))
    return isDone && server
  }
  return eventually(successor, {
    timeoutMs: 40_000,
    intervalMs: 50,
    message: 'everybody to be at another server',
  })
}

/** Has another server take over, and waits until the old one is a copy of that. Returns when there may have been two. */
async function failOver(stage: Stage, set: SentinelSet, failover: Failover): Promise<Apart[]> {
  const old = stage.redis
  const { elections } = stage
  const fromMs = performance.now()
  await failover.begin(set, old)
  const present = await successorOf(old, stage, set)
  const untilMs = performance.now()
  stage.redis = present
  await stage.electionAfter(elections)
  await stage.goesOn()
  await failover.end(old)
  await eventually(() => isCopyOf(old, present), { timeoutMs: 40_000, message: 'the old one to be a copy' })
  await eventually(() => nobodyIsAt(old), { message: 'everybody to have left the old one' })
  await stage.goesOn()
  return failover.oldGoesOn ? [{ fromMs, untilMs }] : []
}

/** Does these, one after the other. */
async function failOvers(stage: Stage, kinds: readonly (keyof typeof FAILOVERS)[]): Promise<Bite> {
  const set = stage.options.sentinels
  if (!set) throw new Error('The group has no sentinels')
  const { elections } = stage
  const bit = Object.fromEntries(kinds.map((kind) => [`failovers ${kind}`, 0]))
  const apart: Apart[] = []
  for (const kind of kinds) {
    apart.push(...(await failOver(stage, set, FAILOVERS[kind])))
    // Sentinels that took another server for dead meanwhile have made this something else.
    if ((await set.present()) === stage.redis) bit[`failovers ${kind}`] = 1
    await stage.draw.moment()
  }
  const mayDiverge = true // whatever one server still took, or had not passed on
  return { bit: { ...bit, 'terms begun': stage.elections - elections }, apart, mayDiverge }
}

const askedFor: Row = {
  id: 'R8s',
  fault: 'Sentinel has another Redis server take over, as it is asked to',
  stage: () => underSentinels('1'),
  inject: (stage) => failOvers(stage, ['asked for']),
}

const allKinds: Row = {
  id: 'R10s',
  fault:
    'Sentinel has another Redis server take over: asked to, after a kill, while the old one stands still',
  stage: (draw) => underSentinels(draw.pick(['1', 'majority'])),
  inject: (stage) =>
    failOvers(stage, stage.draw.shuffled(Object.keys(FAILOVERS) as (keyof typeof FAILOVERS)[])),
}

/** Rows about a Redis under Sentinel. */
export const sentinelRows: readonly Row[] = [askedFor, allKinds]
