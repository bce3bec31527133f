import { eventually } from './deadline.js'
import { startRedis, stopAllRedis } from './redis-server.js'
import { Sentinels } from './sentinels.js'

afterEach(stopAllRedis)

/** A server with so many copies, and sentinels that know all of them. */
async function watched(copies: number) {
  const server = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  const args = ['--replicaof', '127.0.0.1', String(server.port)]
  const ports = (await Promise.all(Array.from({ length: copies }, () => startRedis({ args })))).map(
    ({ port }) => port,
  )
  await eventually(async () => Number(await server.command('WAIT', copies, 100)) === copies)
  return { server, ports, sentinels: await Sentinels.watchOver(server, copies) }
}

it('three sentinels agree on the server, and on a copy once they are asked to', async () => {
  const { server, ports, sentinels } = await watched(1)
  expect(sentinels.redis.sentinels).toHaveLength(3)
  expect(await sentinels.present()).toBe(server.port)
  await sentinels.failOver()
  await eventually(async () => (await sentinels.present()) === ports[0], { message: 'the copy to take over' })
  expect(server.running).toBe(true)
})

it('two of three are enough to have a copy take over from a server that is gone', async () => {
  const { server, ports, sentinels } = await watched(2)
  await sentinels.stopOne()
  await server.kill()
  const successor = async () => {
    const port = await sentinels.present()
    return port !== server.port && port
  }
  expect(ports).toContain(await eventually(successor, { message: 'a copy to take over' }))
})
