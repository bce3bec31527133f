import type { Instance } from './instance.js'
import type { HandOverParts } from './operate/hand-over.js'
import type { Switchover } from './operate/switchover.js'

/** An instance as a hand-over of its leadership sees it. */
export function handOverPartsOf(instance: Instance): HandOverParts {
  const { options, parts, applier, writer, elector, roster } = instance
  const { id, name, heartbeatMs } = options
  return {
    ...{ id, name, heartbeatMs, clock: parts.clock, members: parts.members, orders: parts.orders },
    claim: () => (elector.leads ? elector.served?.claim : undefined),
    end: () => ({ index: applier.index, newestVersion: applier.newestVersion }),
    reached: (id) => roster.all.find((member) => member.id === id)?.index ?? 0,
    ask: () => parts.leases.announceOrders(),
    hold: (run) => writer.hold(run),
    giveUp: () => elector.handOver(),
  }
}

/** An instance as a switchover sees it. */
export function switchoverPartsOf(instance: Instance): ConstructorParameters<typeof Switchover>[0] {
  const { options, parts, elector, leadership, handOver, pause, applier } = instance
  return {
    ...{ id: options.id, name: options.name, logger: options.logger },
    ...{ orders: parts.orders, clock: parts.clock, handOver },
    leads: () => elector.leads,
    leader: () => leadership.leader,
    known: () => leadership.known(),
    claimant: async () => (await parts.log.read(applier.index, 0, undefined)).leader,
    announce: () => parts.leases.announceOrders(),
    heard: (orders) => pause.heard(orders),
  }
}
