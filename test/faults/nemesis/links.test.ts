import { eventually } from '../../support/deadline.js'
import { inlineCommand } from '../../support/inline-redis.js'
import { startRedis } from '../../support/redis-server.js'
import { stopAll } from '../../support/stop-all.js'
import { Links } from './links.js'
import { missing } from './needs.js'

const isLeftOut = missing({ needs: ['namespaces'] }).length > 0

afterAll(stopAll)

it(`a link loses packets either way, and no other does${isLeftOut ? ' (left out: no network namespaces here)' : ''}`, async () => {
  if (isLeftOut) return
  const links = await Links.open(2)
  const network = { enter: links.enter, host: links.hostOf(0) }
  const { port } = await startRedis({ network, args: ['--bind', '0.0.0.0', '--protected-mode', 'no'] })
  const ping = (link: number) => inlineCommand(port, 'PING', 500, undefined, links.hostOf(link))
  for (const ways of [['toServer'], ['toClient'], ['toServer', 'toClient']] as const) {
    await eventually(async () => (await ping(1)) === 'PONG', { message: 'an answer' })
    links.lose(1, ...ways)
    await expect(ping(1)).rejects.toThrow('no reply within 500 ms')
    expect(await ping(0)).toBe('PONG')
    links.heal(1, ...ways)
  }
  await stopAll()
  await links.close()
})
