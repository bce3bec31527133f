import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A reverse proxy that has an instance under a prefix, and adds a policy of its own to what that answers. */
export class PrefixProxy {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** Starts one for the instance at `target`. */
  static async start(target: string, prefix: string, policy: string): Promise<PrefixProxy> {
    const server = createServer((req, res) => {
      const url = req.url ?? ''
      if (!url.startsWith(`${prefix}/`)) return res.writeHead(404).end('nothing here')
      const { method, headers } = req
      const onward = request(
        target + url.slice(prefix.length),
        { method, headers, agent: false },
        (reply) => {
          const { 'content-security-policy': own = [] } = reply.headers
          res.writeHead(reply.statusCode ?? 502, {
            ...reply.headers,
            'content-security-policy': [own, policy].flat().join(', '),
          })
          reply.pipe(res)
        },
      )
      onward.on('error', () => res.destroy())
      req.pipe(onward)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new PrefixProxy(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
