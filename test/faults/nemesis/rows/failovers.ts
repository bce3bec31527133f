import { eventually } from '../../../support/deadline.js'
import type { RedisServer } from '../../../support/redis-server.js'
import type { Apart, Bite, Row } from '../row.js'
import { ClusterSet } from '../cluster-set.js'
import type { SeveralServers } from '../place.js'
import { isCopyOf, SentinelSet } from '../sentinel-set.js'
import type { Stage, StageOptions } from '../stage.js'

/** How it comes that another server takes over, and what the old one does later. */
interface Failover {
  begin(set: SeveralServers, old: RedisServer): Promise<void>
  end(old: RedisServer): Promise<void>
  /** Whether the old server takes writes beside the other one, for as long as nobody tells it. */
  readonly oldGoesOn?: boolean
  /** Whether the old server has nothing to do with the log any more, instead of being a copy. */
  readonly oldLeaves?: boolean
}

const FAILOVERS = {
  'asked for': {
    begin: (set) => set.failOver(),
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
  'while the old one stands still for a moment': {
    async begin(set, old) {
      await old.pause()
      const isReplaced = async () => ((await set.present()) ?? old) !== old
      await eventually(isReplaced, { message: 'another server to take over' })
      old.resume()
    },
    end: async () => {},
    oldGoesOn: true,
  },
} satisfies Record<string, Failover>

/** Nobody takes the place of the one that has it then: there is no copy. */
const MOVE: Failover = {
  begin: async (set, old) => (set as ClusterSet).move(old),
  end: async () => {},
  oldLeaves: true,
}

/** What was acknowledged, one more instance has, whatever a server loses that nobody waits for. */
const on = async (servers: Promise<SeveralServers>, writeConcern: string): Promise<StageOptions> => ({
  servers: await servers,
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
async function successorOf(old: RedisServer, stage: Stage, set: SeveralServers): Promise<RedisServer> {
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

/** Has another server take over, and waits until the old one has found its new place. Returns when there may have been two. */
async function failOver(stage: Stage, set: SeveralServers, failover: Failover): Promise<Apart[]> {
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
  if (!failover.oldLeaves)
    await eventually(() => isCopyOf(old, present), { timeoutMs: 40_000, message: 'the old one to be a copy' })
  await eventually(() => nobodyIsAt(old), { message: 'everybody to have left the old one' })
  await stage.goesOn()
  return failover.oldGoesOn ? [{ fromMs, untilMs }] : []
}

/** Does these, one after the other. */
async function failOvers(stage: Stage, kinds: readonly (readonly [name: string, Failover])[]): Promise<Bite> {
  const set = stage.options.servers
  if (!set) throw new Error('There is one server')
  const { elections } = stage
  const bit = Object.fromEntries(kinds.map(([name]) => [`failovers ${name}`, 0]))
  const apart: Apart[] = []
  for (const [name, failover] of kinds) {
    apart.push(...(await failOver(stage, set, failover)))
    // Servers that took another one for dead meanwhile have made this something else.
    if ((await set.present()) === stage.redis) bit[`failovers ${name}`] = 1
    await stage.draw.moment()
  }
  const mayDiverge = true // whatever one server still took, or had not passed on
  return { bit: { ...bit, 'terms begun': stage.elections - elections }, apart, mayDiverge }
}

const askedFor: Row = {
  id: 'R8s',
  fault: 'Sentinel has another Redis server take over, as it is asked to',
  stage: () => on(SentinelSet.open(), '1'),
  inject: (stage) => failOvers(stage, [['asked for', FAILOVERS['asked for']]]),
}

const anyKinds: Row = {
  id: 'R10s',
  fault:
    'Sentinel has another Redis server take over, thrice: asked to, after a kill, while the old one stands still',
  stage: (draw) => on(SentinelSet.open(), draw.pick(['1', 'majority'])),
  inject: (stage) => failOvers(stage, stage.draw.shuffled(Object.entries(FAILOVERS)).slice(0, 3)),
}

/** In a Cluster the old server waits for the new one. */
const IN_CLUSTER = { ...FAILOVERS, 'asked for': { ...FAILOVERS['asked for'], oldGoesOn: false } }

const askedForInCluster: Row = {
  id: 'R8c',
  fault: 'In a Cluster another server takes over, as it is asked to, and the slot moves to yet another one',
  stage: () => on(ClusterSet.open(), '1'),
  inject: (stage) =>
    failOvers(stage, [
      ['asked for', IN_CLUSTER['asked for']],
      ['by a move of the slot', MOVE],
    ]),
}

const anyKindsInCluster: Row = {
  id: 'R10c',
  fault:
    'In a Cluster another server takes over, thrice: asked to, after a kill, while the old one stands still; then the slot moves',
  stage: (draw) => on(ClusterSet.open(), draw.pick(['1', 'majority'])),
  inject: (stage) =>
    failOvers(stage, [
      ...stage.draw.shuffled(Object.entries(IN_CLUSTER)).slice(0, 3),
      ['by a move of the slot', MOVE],
    ]),
}

/** Rows about a Redis of several servers. */
export const failoverRows: readonly Row[] = [askedForInCluster, askedFor, anyKindsInCluster, anyKinds]
