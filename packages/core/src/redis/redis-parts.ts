import type { Clock } from '../clock.js'
import { LoopLoad } from '../elect/loop-load.js'
import type { Warn } from '../events.js'
import type { ResolvedOptions } from '../options.js'
import type { Parts } from '../parts.js'
import type { JobTransport } from '../replicate/job-transport.js'
import { BullmqTransport } from './bullmq-transport.js'
import { commandOptions, createClient, locate } from './connections.js'
import { type Keys, keysOf } from './keys.js'
import { RedisLogStore } from './redis-log-store.js'
import { RedisMemberStore } from './redis-member-store.js'
import { RedisOrderStore } from './redis-order-store.js'
import { RedisSnapshotStore } from './redis-snapshot-store.js'
import { RedlockLeaseStore } from './redlock-lease-store.js'

/** A node's parts on Redis. Nothing connects before they are opened. */
export function createRedisParts(parts: {
  options: ResolvedOptions
  /** Without a state machine there is nothing to replicate, and no job to send. */
  replicates: boolean
  warn: Warn
  clock: Clock
}): Parts {
  const { replicates, warn, clock } = parts
  const keys = keysOf(parts.options.group)
  const options = located(parts.options, keys)
  const name = `leasehold:${options.group}:${options.name}:commands`
  const client = createClient(options.redis, commandOptions(options.commandTimeoutMs), name)
  return {
    clock,
    load: new LoopLoad(clock),
    leases: new RedlockLeaseStore({ options, keys, warn, clock }),
    log: new RedisLogStore({ options, client, keys, replicates, warn }),
    members: new RedisMemberStore(client, keys),
    orders: new RedisOrderStore(client, keys),
    snapshots: new RedisSnapshotStore(client, keys),
    transport: replicates ? new BullmqTransport(options, keys, clock) : noTransport,
  }
}

/** With one place for a Redis that is named twice: the lease is mostly where the log is. */
function located(options: ResolvedOptions, keys: Keys): ResolvedOptions {
  const redis = locate(options.redis, keys.meta)
  const leaseRedis = options.leaseRedis.map((target) =>
    target === options.redis ? redis : locate(target, keys.lease),
  )
  return { ...options, redis, leaseRedis }
}

const noTransport: JobTransport = {
  prefix: '',
  open: async () => {},
  push: async () => {},
  acknowledge: async () => {},
  onAcknowledged: () => () => {},
  present: async () => [],
  pushedTo: () => [],
  queued: async () => undefined,
  remove: async () => {},
  close: async () => {},
}
