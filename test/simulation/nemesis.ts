import type { WriteConcern } from '@leasehold/core'
import { pickOf } from '../../packages/core/src/testing/seeded-random.js'
import type { StoresGroup, StoresInstance } from './stores.js'

/** Between one fault and the next, at most. */
const PAUSE_MS = 400
/** How long a fault lasts, at most; most are shorter. */
const LONGEST_MS = 1500

/** A fault: does it to the group, or to an instance, and mends it after a while. */
type Fault = (parts: { group: StoresGroup; instance: StoresInstance; forMs: number }) => Promise<void>

const to =
  (hurt: (instance: StoresInstance) => void, mend: (instance: StoresInstance) => void): Fault =>
  async ({ group, instance, forMs }) => {
    hurt(instance)
    await group.sleep(forMs)
    mend(instance)
  }

const restart: Fault = async ({ group, instance, forMs }) => {
  await group.sleep(forMs)
  await instance.start().catch(() => {}) // it may be killed or stopped before it is there
}

/** What leaves everything that was acknowledged in Redis. */
const KEEPING: Readonly<Record<string, Fault>> = {
  kill: async (parts) => {
    parts.instance.kill()
    await restart(parts)
  },
  stop: async (parts) => {
    await parts.instance.stop()
    await restart(parts)
  },
  pause: to(
    (instance) => instance.pause(),
    (instance) => instance.resume(),
  ),
  hang: to(
    (instance) => instance.hang(),
    (instance) => instance.resume(),
  ),
  cut: to(
    (instance) => instance.cut(),
    (instance) => instance.mend(),
  ),
  hold: to(
    (instance) => instance.hold(),
    (instance) => instance.mend(),
  ),
  deafen: to(
    (instance) => instance.deafen(),
    (instance) => instance.mend(),
  ),
  reset: async ({ instance }) => instance.reset(),
  loseReply: async ({ instance }) => instance.loseReply(),
  switchover: async ({ instance }) => {
    await instance.request((node) => node.switchover({ timeoutMs: 500 })).catch(() => {})
  },
  restartRedis: async ({ group, forMs }) => {
    group.stopRedis()
    await group.sleep(forMs)
    group.startRedis()
  },
}

/** What takes from Redis what was acknowledged. */
const LOSING: Readonly<Record<string, Fault>> = {
  wipe: async ({ group }) => group.wipeRedis(),
  emptyRestart: async ({ group, forMs }) => {
    group.stopRedis()
    group.wipeRedis()
    await group.sleep(forMs)
    group.startRedis()
  },
  rollback: async ({ group, forMs }) => {
    const old = group.saveRedis()
    await group.sleep(forMs)
    group.stopRedis()
    await group.sleep(forMs / 4)
    group.startRedis(old)
  },
}

/** What one has appended, nobody else is told of: it may be the only one that has it. */
const deafenOthers: Fault = async ({ group, instance, forMs }) => {
  const others = group.instances.filter((other) => other !== instance)
  for (const other of others) other.deafen()
  await group.sleep(forMs)
  for (const other of others) other.mend()
}

/** What of the others leaves an instance its memory: what Redis loses, somebody still has. */
const { kill: _, stop: __, restartRedis: ___, deafen: ____, ...GENTLE } = KEEPING

/** Which faults come, to how many instances at the same time, and what the group promises meanwhile. */
export interface Plan {
  readonly faults: Readonly<Record<string, Fault>>
  readonly atOnce: number
  readonly writeConcern: WriteConcern
  /** Whether Redis loses what it had. */
  readonly loses: boolean
}

/** Redis keeps what it has been given; whatever else may happen, does. */
export const CRASHES: Plan = { faults: KEEPING, atOnce: 3, writeConcern: 'log', loses: false }
/** Redis loses data; one instance at a time has trouble, and none loses its memory. */
export const LOSSES: Plan = {
  faults: { ...LOSING, ...GENTLE, deafenOthers },
  atOnce: 1,
  writeConcern: { replicas: 1 },
  loses: true,
}

/** Has faults come by chance until `over`. Resolves when all are mended. */
export async function torment(
  group: StoresGroup,
  { faults, atOnce }: Plan,
  random: () => number,
  over: AbortSignal,
  came: (fault: string, on: string) => void,
): Promise<void> {
  const hurt = new Map<StoresInstance, Promise<void>>()
  let server: Promise<void> | undefined
  while (!over.aborted) {
    await group.sleep(random() * PAUSE_MS)
    const [name, fault] = pickOf(random, Object.entries(faults))
    // The leader is hurt more often than chance would have it.
    const instance = (random() < 0.6 && group.leader) || pickOf(random, group.instances)
    const isServer = name in LOSING || name === 'restartRedis'
    if (isServer ? server : hurt.has(instance) || hurt.size >= atOnce || !instance.running) continue
    const forMs = random() ** 2 * LONGEST_MS
    came(name, isServer ? `Redis for ${forMs.toFixed(0)} ms` : `${instance.name} for ${forMs.toFixed(0)} ms`)
    const ended = fault({ group, instance, forMs })
    if (isServer)
      server = ended.finally(() => {
        server = undefined
      })
    else
      hurt.set(
        instance,
        ended.finally(() => hurt.delete(instance)),
      )
  }
  await Promise.all([server, ...hurt.values()])
}
