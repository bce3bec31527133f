import { once } from 'node:events'
import { gracefulShutdown } from '@leasehold/express'

/** Serves an app and starts its node, as a program of its own: says on stdout where it listens, on stderr why it cannot. */
export async function serve(app, node, { port, host = '127.0.0.1' }) {
  const server = app.listen(port, host)
  await once(server, 'listening')
  const url = `http://${host}:${server.address().port}`
  node.setUrl(url, url)
  gracefulShutdown(server, node)
  try {
    await node.start()
    process.stdout.write(`listening ${url}\n`)
  } catch (error) {
    process.stderr.write(`${error.code}: ${error.message}\n`)
    process.exitCode = 1
    server.close()
    server.closeAllConnections()
  }
}
