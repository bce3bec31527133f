import { eventually, once } from '../../../../test/support/deadline.js'
import { expectNoOpenHandles, handleSnapshot } from '../../../../test/support/open-handles.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { startProxy, type TcpProxy } from '../../../../test/support/tcp-proxy.js'
import { systemClock } from '../../src/clock.js'
import { resolveOptions } from '../../src/options.js'
import { BullmqTransport } from '../../src/redis/bullmq-transport.js'
import { keysOf } from '../../src/redis/keys.js'

let server: RedisServer
let proxy: TcpProxy
let transport: BullmqTransport
let before: ReturnType<typeof handleSnapshot>

beforeAll(async () => {
  server = await startRedis()
  await server.command('PING')
  await eventually(() => handleSnapshot().get('TCPSocketWrap') === 1) // that of the command
})

afterAll(stopAll)

async function open(): Promise<void> {
  before = handleSnapshot()
  proxy = await startProxy({ targetPort: server.port })
  const options = resolveOptions({ group: 'g', redis: `redis://127.0.0.1:${proxy.port}`, name: 'a' })
  transport = new BullmqTransport(options, keysOf('g'), systemClock)
  await transport.open('a', async () => {}, new AbortController().signal)
}

/** The connection on which the worker waits for jobs. */
async function waitingConnection(): Promise<string> {
  return eventually(async () => {
    const clients = String(await server.command('CLIENT', 'LIST'))
    return /id=(\d+)[^\n]* cmd=bzpopmin /.exec(clients)?.[1]
  })
}

it.each<[string, () => Promise<unknown>]>([
  ['nothing was wrong', async () => waitingConnection()],
  [
    'only the connection on which its worker waits was lost',
    async () => {
      const id = await waitingConnection()
      proxy.refuse()
      const lost = once(proxy.events, 'closed')
      await server.command('CLIENT', 'KILL', 'ID', id)
      await lost
    },
  ],
  [
    'Redis was lost',
    async () => {
      proxy.refuse()
      proxy.reset()
    },
  ],
])('a transport that is closed leaves nothing running, if %s', async (_, happen) => {
  await open()
  await happen()
  await transport.close()
  await proxy.close()
  await expect(expectNoOpenHandles(before)).resolves.toBeUndefined()
})
