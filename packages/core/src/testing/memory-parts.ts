import type { LoadGauge } from '../elect/loop-load.js'
import type { ResolvedOptions } from '../options.js'
import type { Parts } from '../parts.js'
import { MemoryClient } from './memory-client.js'
import { MemoryLeaseStore } from './memory-lease-store.js'
import { MemoryLogStore } from './memory-log-store.js'
import { MemoryMemberStore } from './memory-member-store.js'
import { MemoryOrderStore } from './memory-order-store.js'
import { MemorySnapshotStore } from './memory-snapshot-store.js'
import { MemoryTransport } from './memory-transport.js'
import type { Wire } from './wire.js'

/** A node's parts over a Redis in memory: what `createRedisParts` makes, in the time of `wire`'s process. */
export function createMemoryParts(options: ResolvedOptions, wire: Wire): Parts {
  const client = new MemoryClient(wire, options.commandTimeoutMs)
  return {
    clock: wire.process,
    load: idle,
    leases: new MemoryLeaseStore(options, wire),
    log: new MemoryLogStore(options, wire, client),
    members: new MemoryMemberStore(client),
    orders: new MemoryOrderStore(client),
    snapshots: new MemorySnapshotStore(client),
    transport: new MemoryTransport(wire, options.commandTimeoutMs),
  }
}

/** All instances share one event loop, whose load says nothing of any of them. */
const idle: LoadGauge = { start: () => {}, stop: () => {}, measure: () => 0 }
