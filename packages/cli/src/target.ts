import { readFileSync } from 'node:fs'
import { UsageError } from './failure.js'

/** Files for TLS, by the names of their options. */
export interface TlsFiles {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

const SEVERAL = /^(rediss?)\+(cluster|sentinel):\/\/(?:([^@/]*)@)?([^/?#@]+)(?:\/([^?#]*))?$/

/**
 * What core takes for a Redis: a URL as it is, or, where it names several servers or TLS files are given, settings.
 *
 * `redis+cluster://user:password@host:6379,host2:6379` · `redis+sentinel://user:password@host:26379,host2:26379/name`;
 * with `rediss+` over TLS.
 *
 * @throws UsageError that does not repeat the URL: it may hold a password.
 */
export function redisTarget(url: string, files: TlsFiles): string | object {
  const [, scheme, kind, login = '', servers = '', path = ''] = SEVERAL.exec(url) ?? []
  const tls = tlsOf(files)
  if (scheme === undefined) return tls ? singleOverTls(url, tls) : url
  const access = {
    ...loginOf(login),
    ...(scheme === 'rediss' || tls ? { tls: tls ?? {} } : {}),
  }
  const nodes = servers.split(',').map((server) => serverOf(server, kind === 'sentinel' ? 26_379 : 6379))
  if (kind === 'cluster') return { cluster: nodes, ...access }
  const [name = '', db = '0'] = path.split('/')
  if (name === '')
    throw new UsageError('A Sentinel URL ends with the name of the set: redis+sentinel://host:26379/name.')
  return { sentinels: nodes, name: decoded('name', name), db: Number(db), ...access }
}

function singleOverTls(url: string, tls: object): object {
  if (!URL.canParse(url) || !url.startsWith('rediss://'))
    throw new UsageError('The TLS files are for a rediss:// URL.')
  const { hostname, port, username, password, pathname } = new URL(url)
  return {
    host: hostname.replaceAll(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(port || 6379),
    db: Number(pathname.slice(1) || 0),
    ...loginOf([username, password].join(':')),
    tls,
  }
}

function loginOf(login: string): { username?: string; password?: string } {
  const colon = login.indexOf(':')
  const [user, password] = colon === -1 ? ['', login] : [login.slice(0, colon), login.slice(colon + 1)]
  return {
    ...(user !== '' && { username: decoded('user', user) }),
    ...(password !== '' && { password: decoded('password', password) }),
  }
}

function decoded(part: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new UsageError(`The ${part} in the URL of Redis has a % that stands for nothing: write it as %25.`)
  }
}

function serverOf(server: string, defaultPort: number): { host: string; port: number } {
  const [, host, port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(server) ?? []
  if (host === undefined) throw new UsageError(`${JSON.stringify(server)} is not a host, or host:port.`)
  return { host: host.replaceAll(/^\[|\]$/g, ''), port: Number(port ?? defaultPort) }
}

function tlsOf(files: TlsFiles): Record<string, string> | undefined {
  const given = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined)
  if (given.length === 0) return undefined
  return Object.fromEntries(given.map(([part, file]) => [part, readText(part, file)]))
}

function readText(part: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`--tls-${part}: ${(error as Error).message}`)
  }
}
