import { randomUUID } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeEvents, NodeOptions } from '@leasehold/core'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { type LedgerNode, member, write } from './ledger.js'

/** Keeps a copy of what a Redis has on disk; the returned function brings that back, past all that came after. */
export async function backUp(redis: RedisServer): Promise<() => Promise<void>> {
  const file = join(redis.dir, 'appendonlydir')
  const copy = join(redis.dir, `backup-${randomUUID()}`)
  await cp(file, copy, { recursive: true })
  return async () => {
    await redis.kill()
    await rm(file, { recursive: true })
    await cp(copy, file, { recursive: true })
    await redis.restart()
  }
}

type Loss = NodeEvents['logLost'][0]
type Divergence = NodeEvents['diverged'][0]

/** What a node has said of the log and itself. */
export function observe(node: LedgerNode) {
  const seen = { losses: [] as Loss[], divergences: [] as Divergence[], warnings: [] as string[] }
  node.on('logLost', (loss) => seen.losses.push(loss))
  node.on('diverged', (divergence) => seen.divergences.push(divergence))
  node.on('warning', ({ code }) => seen.warnings.push(code))
  return seen
}

export interface Group {
  readonly redis: RedisServer
  /** Each has a way to Redis that can be cut. */
  readonly ways: readonly [TcpProxy, TcpProxy]
  readonly nodes: readonly [LedgerNode, LedgerNode]
  /** Takes Redis back to when both had 60 of their 100 entries. */
  readonly rollBack: () => Promise<void>
}

/** Two instances with 100 entries, and a copy of what Redis had on disk when there were 60. */
export async function group(options: Partial<NodeOptions> = {}): Promise<Group> {
  const redis = await startRedis({ appendOnly: 'always' })
  const first = member(redis, 'first', { settleMs: 100 }) // or all would wait for settleMs: the server has just started
  await first.start()
  await first.stop()
  const ways = [
    await startProxy({ targetPort: redis.port }),
    await startProxy({ targetPort: redis.port }),
  ] as const
  const nodes = ways.map(({ port }, i) => member({ url: `redis://127.0.0.1:${port}` }, `n${i}`, options)) as [
    LedgerNode,
    LedgerNode,
  ]
  await Promise.all(nodes.map((node) => node.start()))
  await write(await ledBy(nodes), 60)
  const rollBack = await backUp(redis)
  await write(await ledBy(nodes), 40)
  await eventually(() => nodes.every((node) => node.position.index === 100), { message: 'both to have 100' })
  return { redis, ways, nodes, rollBack }
}

export function itemsOf(node: LedgerNode): readonly string[] {
  return node.read((state) => [...state.items])
}

export async function ledBy(nodes: readonly LedgerNode[]): Promise<LedgerNode> {
  return eventually(() => nodes.find((node) => node.isLeader), { message: 'somebody to lead' })
}

/**
 * Waits until all follow the log `logId` again and have all that it holds: so many entries, or more, since a leader
 * that had to tell the log from its replica has written a marker.
 */
export async function onLog(nodes: readonly LedgerNode[], logId: string, index: number): Promise<void> {
  const farthest = () => Math.max(index, ...nodes.map((node) => node.position.index))
  const isOn = (node: LedgerNode) =>
    node.position.logId === logId && node.position.index === farthest() && node.status().halted === undefined
  await eventually(() => nodes.every(isOn), { message: `all to follow the log from ${index} on` })
}
