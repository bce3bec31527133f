/** A server of `node:http` without a framework. */
import type { IncomingMessage, ServerResponse } from 'node:http'

declare global {
  const node: import('@leasehold/core').ElectionNode
  const serve: (req: IncomingMessage, res: ServerResponse) => void
  const refuse: (res: ServerResponse, error: unknown) => void
  const routeWrites: typeof import('@leasehold/http').routeWrites
  const consistentReads: typeof import('@leasehold/http').consistentReads
}
