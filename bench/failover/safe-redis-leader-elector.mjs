import Redis from 'ioredis'
import { createSafeRedisLeader } from 'safe-redis-leader'

/** The package has no defaults; these are the tightest that were found sound. It renews at half of the TTL. */
const TTL_MS = 1000
const POLL_MS = 50

/** An elector as the package gives it. */
export async function startSafeRedisLeader({ url, key, elected }) {
  const client = new Redis(url)
  const leader = await createSafeRedisLeader({ asyncRedis: client, ttl: TTL_MS, wait: POLL_MS, key })
  leader.on('elected', elected)
  leader.on('error', (error) => console.error(error.message))
  await leader.elect()
  return async () => {
    await leader.shutdown()
    client.disconnect()
  }
}
