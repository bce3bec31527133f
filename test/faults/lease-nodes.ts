import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import type { Member } from './ledger-group.js'

/** What may happen to lease nodes. None of them keeps anything over a restart. */
export type Fate = 'killed' | 'frozen' | 'killed or frozen'

/** Has it happen to each of the nodes; of two fates, to each the other one. */
export async function strike(nodes: readonly RedisServer[], fate: Fate): Promise<void> {
  await Promise.all(nodes.map((node, i) => (isKilled(fate, i) ? node.kill() : node.pause())))
}

/** Ends it. */
export async function heal(nodes: readonly RedisServer[], fate: Fate): Promise<void> {
  await Promise.all(nodes.map(async (node, i) => (isKilled(fate, i) ? node.restart() : node.resume())))
}

function isKilled(fate: Fate, i: number): boolean {
  return fate === 'killed or frozen' ? i % 2 === 0 : fate === 'killed'
}

/** Starts so many independent servers for the lease. */
export function startLeaseNodes(count: number): Promise<RedisServer[]> {
  return Promise.all(Array.from({ length: count }, () => startRedis()))
}

/** What stands under `key` on each of the nodes. */
export function valuesOf(nodes: readonly RedisServer[], key: string): Promise<unknown[]> {
  return Promise.all(nodes.map((node) => node.command('GET', key)))
}

/** Waits until the same lease stands on all of the nodes. */
export async function onAll(nodes: readonly RedisServer[], key: string): Promise<void> {
  await eventually(
    async () => {
      const values = await valuesOf(nodes, key)
      return values[0] !== null && new Set(values).size === 1
    },
    { message: `the lease on all of ${nodes.length} nodes` },
  )
}

/** Waits until the lease has been renewed on each of the nodes, so many times from now on. */
export async function renewed(nodes: readonly RedisServer[], times: number): Promise<void> {
  const before = await Promise.all(nodes.map(grantsOn))
  const enough = async () => {
    const now = await Promise.all(nodes.map(grantsOn))
    return now.every((grants, i) => grants >= (before[i] ?? 0) + times)
  }
  await eventually(enough, { message: `${times} renewals on ${nodes.length} nodes` })
}

/** How often a node has granted or renewed a lease since its start: the scripts of both end with the only SET there. */
export async function grantsOn(node: RedisServer): Promise<number> {
  const stats = String(await node.command('INFO', 'commandstats'))
  return Number(/^cmdstat_set:calls=(\d+)/m.exec(stats)?.[1] ?? 0)
}

/** Unique to each start of a server. */
export async function runIdOf(node: RedisServer): Promise<string | undefined> {
  return /^run_id:(\w+)/m.exec(String(await node.command('INFO', 'server')))?.[1]
}

/** Waits until `member` has tried so many times, from now on, to connect to one of the nodes. */
export async function triedToReach(member: Member, node: number, times: number): Promise<void> {
  const way = member.leases[node]
  let tries = 0
  const count = () => void tries++
  way?.events.on('connection', count)
  try {
    await eventually(() => tries >= times, { message: `${member.name} to try node ${node} ${times} times` })
  } finally {
    way?.events.off('connection', count)
  }
}
