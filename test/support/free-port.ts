import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const FIRST = 10_000
const LAST = 32_767

/**
 * A loopback port that nobody listens on now. It lies below the range from which systems take source ports: a client
 * that retries a dead server on loopback may otherwise get that very port as its own, and connect to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
