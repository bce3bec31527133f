import { stopAllInstances } from './instance.js'
import { stopAllLoads } from './load.js'
import { stopAllPrograms } from './program.js'
import { stopAllRedis } from './redis-server.js'
import { closeAllProxies } from './tcp-proxy.js'

/**
 * Stops everything that this test file has started, whatever its tests did. Users go before what they use.
 *
 * @example
 * ```ts
 * afterAll(stopAll)
 * ```
 */
export async function stopAll(): Promise<void> {
  await Promise.all([stopAllLoads(), stopAllInstances(), stopAllPrograms()])
  await closeAllProxies()
  await stopAllRedis()
}
