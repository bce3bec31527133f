import type { Redis } from 'ioredis'
import type { Socket } from 'node:net'
import { slotOf } from './slot-connector.js'

/** Where a lease node is and how to get in, as plain data: another thread can be told. */
export interface LeaseAccess {
  readonly tls: boolean
  /** What `connect` of `node:net` or `node:tls` takes. */
  readonly address: object
  /** The commands that let it in, each answered by one line. */
  readonly hello: readonly (readonly string[])[]
}

/**
 * How a client gets to its server. Under Sentinel and in a Cluster that is where it is connected to: whoever asks need not
 * search then, and needs no map of addresses. Undefined if it is connected to nothing.
 */
export function accessOf(client: Redis, name: string): LeaseAccess | undefined {
  const { username, password, db, sentinels } = client.options
  const searches = sentinels !== undefined && sentinels !== null
  const address = searches || slotOf(client.options) ? connectedTo(client) : ownAddress(client)
  if (!address) return undefined
  const hello = [
    ...(password ? [['AUTH', ...(username ? [username] : []), password]] : []),
    ...(db ? [['SELECT', String(db)]] : []),
    ['CLIENT', 'SETNAME', name.replaceAll(/[^!-~]/g, '-')],
  ]
  return { ...address, hello }
}

/** Why another thread cannot connect as this client does; undefined if it can. */
export function whyInaccessible({ options }: Redis): string | undefined {
  if (options.Connector && !slotOf(options)) return 'the option Connector makes its connections'
  try {
    structuredClone(options.tls)
    return undefined
  } catch (error) {
    return `its tls options cannot be passed to another thread (${(error as Error).message})`
  }
}

function ownAddress({ options }: Redis): Omit<LeaseAccess, 'hello'> {
  const { host, port, path, family, tls } = options
  const place = path ? { path } : { host, port, family }
  // As ioredis does it: what stands in `tls` counts more.
  return { tls: Boolean(tls), address: { ...place, ...tls } }
}

function connectedTo({ options, stream }: Redis): Omit<LeaseAccess, 'hello'> | undefined {
  const {
    remoteAddress: host,
    remotePort: port,
    servername,
  } = (stream ?? {}) as Partial<Socket & { servername: unknown }>
  if (host === undefined) return undefined
  const tls = options.enableTLSForSentinelMode || slotOf(options) ? options.tls : undefined
  // The certificate is for the name that the search gave, which only the socket knows.
  return { tls: Boolean(tls), address: { host, port, ...(Boolean(servername) && { servername }), ...tls } }
}
