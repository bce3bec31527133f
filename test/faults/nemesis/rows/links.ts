import type { Direction } from '../../../support/tcp-proxy.js'
import { Links } from '../links.js'
import type { Row } from '../row.js'

const WAYS: readonly (readonly Direction[])[] = [['toServer'], ['toClient'], ['toServer', 'toClient']]
/** The three that the group begins with, and one for whoever looks on. */
const LINKS = 4

const lostPackets: Row = {
  id: 'R4n',
  fault: 'the packets between an instance and Redis are lost, one way or both; nobody gets to connect either',
  needs: ['namespaces'],
  async stage() {
    const links = await Links.open(LINKS)
    const network = { enter: links.enter, host: links.hostOf(0) }
    return { links, redis: { network, args: ['--bind', '0.0.0.0', '--protected-mode', 'no'] } }
  },
  async inject(stage) {
    const { links } = stage.options
    const bit = { 'packets sent again': 0, 'leaders replaced': 0 }
    const [sentAgain, elections] = [Links.sentAgain(), stage.elections]
    for (const ttls of [
      stage.draw.between(1.5, 2.5),
      stage.draw.between(0.3, 2.5),
      stage.draw.between(0.3, 2.5),
    ]) {
      const [leader, others] = [await stage.leader(), await stage.followers()]
      const actor = ttls > 1.5 ? leader : stage.draw.pick([leader, ...others])
      const ways = stage.draw.pick(WAYS)
      stage.avoid(actor)
      links?.lose(actor.link, ...ways)
      await stage.draw.moment(ttls * stage.ttlMs, ttls * stage.ttlMs)
      links?.heal(actor.link, ...ways)
      stage.welcome(actor)
      await stage.goesOn()
    }
    bit['packets sent again'] = Links.sentAgain() - sentAgain
    bit['leaders replaced'] = stage.elections - elections
    return { bit }
  },
}

/** Rows about packets, for a machine with network namespaces. */
export const linkRows: readonly Row[] = [lostPackets]
