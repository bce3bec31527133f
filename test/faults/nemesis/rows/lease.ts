import { eventually } from '../../../support/deadline.js'
import type { RedisServer } from '../../../support/redis-server.js'
import { valuesOf } from '../../lease-nodes.js'
import type { Row } from '../row.js'

const twoHolders: Row = {
  id: 'R17',
  fault: 'one of three nodes of the lease comes back empty within the TTL, and two instances hold the lease',
  stage: () => ({ leaseNodes: 3, ttlMs: 4000 }),
  async inject(stage) {
    const bit = { 'times two held it': 0, 'leaders replaced': 0 }
    const leader = await stage.leader()
    const { elections } = stage
    // It keeps the votes of two nodes; then one of them forgets.
    const [keeper, loser, other] = stage.draw.shuffled(stage.leaseNodes)
    if (!keeper || !loser || !other) throw new Error('The lease has too few nodes')
    const wayTo = (node: RedisServer) => leader.leases[stage.leaseNodes.indexOf(node)]
    const { lease, leaseNotices } = stage.keys
    wayTo(other)?.halfOpen()
    await eventually(async () => (await other.command('GET', lease)) === null, {
      message: 'its lease to run out',
    })
    wayTo(loser)?.halfOpen()
    await loser.restart()
    const twoHoldIt = async () => {
      await other.command('PUBLISH', leaseNotices, 'vacant')
      const [first, second, third] = await valuesOf([keeper, loser, other], lease)
      return first !== null && second !== null && second === third && first !== second
    }
    await eventually(twoHoldIt, { intervalMs: 20, message: 'two holders of the lease' })
    bit['times two held it']++
    await stage.electionAfter(elections)
    bit['leaders replaced'] = stage.elections - elections
    await stage.goesOn()
    return { bit }
  },
}

/** Rows about the servers of the lease. */
export const leaseRows: readonly Row[] = [twoHolders]
