import { join } from 'node:path'
import { eventually } from './deadline.js'
import { startInstance } from './instance.js'
import { startLoad } from './load.js'
import { expectNoOpenHandles, handleSnapshot } from './open-handles.js'
import { startProgram } from './program.js'
import { startRedis } from './redis-server.js'
import { stopAll } from './stop-all.js'
import { startProxy } from './tcp-proxy.js'

it('stops whatever was started', async () => {
  const before = handleSnapshot()
  const redis = await startRedis()
  await redis.command('PING')
  await startProxy({ targetPort: redis.port })
  const program = await startProgram('setInterval(() => {}, 60_000)')
  const instance = await startInstance({ script: join(__dirname, 'stub-instance.mjs'), env: {} })
  const load = startLoad({ urls: () => [instance.url], clients: 2, seed: 1 })
  await eventually(() => load.history.length > 0)
  await stopAll()
  const { length } = load.history
  expect(() => redis.pid).toThrow('does not run')
  expect(await program.exited).toEqual({ code: null, signal: 'SIGKILL' })
  expect(instance.running).toBe(false)
  await expectNoOpenHandles(before)
  expect(load.history).toHaveLength(length)
  await stopAll()
})
