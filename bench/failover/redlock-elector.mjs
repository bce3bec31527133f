import Redis from 'ioredis'
import Redlock from 'redlock'

/** The shortest that is sound: what renews at a third of it survives a busy machine. */
const TTL_MS = 1000
const POLL_MS = 50

/**
 * The smallest elector over redlock that is still right: one attempt every 50 ms while somebody else holds the lock,
 * a renewal at a third of its time while it holds it, and the end of leadership when a renewal fails.
 */
export async function startRedlockElector({ url, key, elected }) {
  const client = new Redis(url)
  const redlock = new Redlock([client], { retryCount: 0 })
  redlock.on('error', () => {}) // somebody else holds it: the usual answer
  let lock
  let timer

  async function campaign() {
    lock = await redlock.acquire([key], TTL_MS).catch(() => undefined)
    if (lock) elected()
    goOn()
  }

  async function renew() {
    lock = await lock.extend(TTL_MS).catch(() => undefined)
    goOn()
  }

  function goOn() {
    timer = lock ? setTimeout(() => void renew(), TTL_MS / 3) : setTimeout(() => void campaign(), POLL_MS)
  }

  await campaign()
  return async () => {
    clearTimeout(timer)
    await lock?.release()
    client.disconnect()
  }
}
