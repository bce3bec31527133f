import type { Redis } from 'ioredis'
import { randomUUID } from 'node:crypto'
import { type Clock, wallClockMs } from '../clock.js'
import { leaseNeeds, logNeeds, refusedAccess } from './access.js'
import { callScript } from './call-script.js'
import type { Keys } from './keys.js'
import {
  evictionTrouble,
  minReplicasTrouble,
  modeTrouble,
  persistenceTrouble,
  serverVersion,
  versionTrouble,
} from './server-checks.js'
import { fieldOf, optional, readConfig, readInfo } from './server-facts.js'

/** Settings that matter to a group, besides those that an instance checks at its start. */
const SETTINGS = [
  'maxmemory',
  'maxmemory-policy',
  'appendonly',
  'appendfsync',
  'save',
  'min-replicas-to-write',
  'timeout',
  'tcp-keepalive',
  'client-output-buffer-limit',
  'maxclients',
] as const
const SAMPLES = 50
const CLOCK_SAMPLES = 5

/** A server as a connection to it finds it. */
export interface ServerFacts {
  /** Name and version; undefined where INFO is forbidden. */
  readonly version: string | undefined
  /** A field of INFO; undefined where it is forbidden, or the server has none of that name. */
  readonly info: (field: string) => string | undefined
  /** Settings; those that may not be read are missing. */
  readonly config: ReadonlyMap<string, string>
  /** What an instance would say of it at its start, and what it would be refused for. */
  readonly troubles: {
    readonly version: string | undefined
    readonly mode: string | undefined
    readonly eviction: string | undefined
    readonly persistence: string | undefined
    readonly minReplicas: string | undefined
  }
  /** What an instance that replicates does and the user of this connection may not. */
  readonly refused: string | undefined
  /**
   * Round trips of a command that does nothing (TIME, which an instance may use; it need not be allowed PING), and of a script
   * that compares one key, in ms, the shortest first. Empty where they are forbidden.
   */
  readonly plainMs: readonly number[]
  readonly scriptMs: readonly number[]
  /** How far the clock of Redis is ahead of this machine's, and by how much that may be wrong, in ms. */
  readonly clockAheadMs: number
  /** Infinity where its clock may not be read. */
  readonly clockErrorMs: number
}

/** Asks a server for all that; writes nothing. */
export async function probeServer(client: Redis, keys: Keys, clock: Clock): Promise<ServerFacts> {
  const info = await readInfo(client)
  const config = new Map<string, string>()
  for (const name of SETTINGS) {
    const value = (await readConfig(client, [name]))?.get(name)
    if (value !== undefined) config.set(name, value)
  }
  const log = await refusedAccess(client, logNeeds(keys, true))
  const lease = await refusedAccess(client, leaseNeeds(keys))
  const plainMs = await sample(clock, () => client.time())
  // A lease of that value was never given: the script compares, as those of the lease do, and changes nothing.
  const nobody = randomUUID()
  const compare = () => callScript(client, 'deposeLease', [keys.lease], [nobody])
  const scriptMs = await sample(clock, compare)
  return {
    version: info === undefined ? undefined : serverVersion(info),
    info: (field) => (info === undefined ? undefined : fieldOf(info, field)),
    config,
    troubles: {
      version: info === undefined ? undefined : versionTrouble(info),
      mode: info === undefined ? undefined : modeTrouble(info, client),
      eviction: evictionTrouble(config, 'This Redis', 'the lease or the log'),
      persistence: config.has('appendonly') ? persistenceTrouble(config) : undefined,
      minReplicas: config.has('min-replicas-to-write') ? minReplicasTrouble(config, client) : undefined,
    },
    refused:
      [...new Set([log?.what, lease?.what])].filter((what) => what !== undefined).join('; ') || undefined,
    plainMs,
    scriptMs,
    ...(await compareClocks(client, clock)),
  }
}

/** The time of the server, in ms since 1970. */
export async function serverTimeMs(client: Redis): Promise<number> {
  const [seconds, micros] = (await client.time()) as unknown as [string | number, string | number]
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
}

/** The look with the shortest way there and back says it best. */
async function compareClocks(
  client: Redis,
  clock: Clock,
): Promise<Pick<ServerFacts, 'clockAheadMs' | 'clockErrorMs'>> {
  let best = { clockAheadMs: 0, clockErrorMs: Number.POSITIVE_INFINITY }
  for (let n = 0; n < CLOCK_SAMPLES; n++) {
    const startedMs = clock.now()
    const serverMs = await optional(serverTimeMs(client))
    if (serverMs === undefined) break
    const halfMs = (clock.now() - startedMs) / 2
    if (halfMs < best.clockErrorMs)
      best = { clockAheadMs: serverMs - (wallClockMs() - halfMs), clockErrorMs: halfMs }
  }
  return best
}

async function sample(clock: Clock, ask: () => Promise<unknown>): Promise<number[]> {
  // The first one may have to send the script's text.
  if ((await optional(ask())) === undefined) return []
  const took: number[] = []
  for (let n = 0; n < SAMPLES; n++) {
    const startedMs = clock.now()
    await ask()
    took.push(clock.now() - startedMs)
  }
  return took.toSorted((a, b) => a - b)
}
