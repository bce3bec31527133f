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
    // It keeps the votes of two nodes; one of them forgets.
    const [kept, forgetful, cut] = stage.shuffled([0, 1, 2])
    const [keeper, loser, other] = [kept, forgetful, cut].map(
      (at) => stage.leaseNodes[at ?? 0] as RedisServer,
    )
    const lease = stage.keys.lease
    leader.leases[cut ?? 0]?.halfOpen()
    await eventually(async () => (await other?.command('GET', lease)) === null, {
      message: 'its lease to run out',
    })
    leader.leases[forgetful ?? 0]?.halfOpen()
    await loser?.restart()
    const bothHeld = async () => {
      await other?.command('PUBLISH', stage.keys.leaseNotices, 'vacant')
      const [first, second, third] = await valuesOf([keeper, loser, other] as RedisServer[], lease)
      return first !== null && second !== null && second === third && first !== second
    }
    await eventually(bothHeld, { intervalMs: 20, message: 'two holders of the lease' })
    bit['times two held it']++
    await stage.electionAfter(elections)
    bit['leaders replaced'] = stage.elections - elections
    await stage.goesOn()
    return { bit }
  },
}

/** Rows about the servers of the lease. */
export const leaseRows: readonly Row[] = [twoHolders]
