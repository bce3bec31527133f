import { type LeaderInfo, type Logger, OptionsError } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import type { Framework, HttpRequest } from './framework.js'
import type { HoldLimits } from './hold.js'
import { type LeaderTls, type LeaderTlsSettings, resolveLeaderTls } from './leader-tls.js'
import { requestPath } from './request-path.js'

/**
 * Picks requests: by a path prefix that ends where a segment ends (`'/hooks'` is `/hooks` and `/hooks/a`, not
 * `/hooksy`), by a pattern for the path, or by a function. Paths are those that the client sent, without the query,
 * also when `routeWrites` is mounted under a sub-path.
 */
export type RequestMatch<Req = HttpRequest> = string | RegExp | ((req: Req) => boolean)

/** Options of `routeWrites`. Durations are in milliseconds, sizes in bytes. */
export interface RouteWritesOptions<Req = HttpRequest> {
  /**
   * What happens to a write on an instance that does not lead: `'forward'` sends it to the leader and the answer back,
   * `'redirect'` sends the client there with a 307, `'reject'` answers 503 at once. Default `'forward'`.
   */
  mode?: 'forward' | 'redirect' | 'reject'
  /** Which requests are writes. Default: all but GET, HEAD and OPTIONS. */
  isWrite?: (req: Req) => boolean
  /** Requests that are served here whatever they are, for instance a webhook that every instance may take. */
  passthrough?: readonly RequestMatch<Req>[]
  /** Requests that go to the leader whatever they are, for instance a GET that must not be stale. */
  alwaysForward?: readonly RequestMatch<Req>[]
  /** How requests wait while no leader is known. */
  hold?: {
    /** How long one waits before 503. Default: the larger of 5000 and the lease's time to live plus 2000. */
    ms?: number
    /** How many wait at a time; further ones get 503 at once. Default 1000. */
    maxRequests?: number
    /** How many bytes of their bodies are kept in memory meanwhile; beyond it 503 at once. Default 16 MiB. */
    maxBytes?: number
  }
  /** Bodies up to this size are kept so that they can be sent again; longer ones are streamed. Default 1 MiB. */
  maxBufferBytes?: number
  /** How long it may take until a connection to the leader stands. Default 2000. */
  connectTimeoutMs?: number
  /** How long the leader may take to begin its answer; then the outcome is unknown. Default 30000. */
  responseTimeoutMs?: number
  /**
   * Whether a write may be sent again to the next leader when the one that has it does not answer, or is deposed while
   * its handler runs. Its `node.write`s take effect once all the same; whatever else the handler does, it may do twice.
   * `false`, or a function that says so of a request: such a request gets 504 `OUTCOME_UNKNOWN` instead. Default: true
   * with a state machine; without one, whatever a handler does it would do twice, so false.
   */
  resend?: boolean | ((req: Req) => boolean)
  /**
   * Who the caller of a request is. An `Idempotency-Key` belongs to one caller: without this, two callers who choose the
   * same key for the same path get each other's results. Default: the `Authorization` header.
   */
  identify?: (req: Req) => string | undefined
  /** Whom to trust, and what to show, where the leader's `url` is https. Default: whom Node trusts, and nothing. */
  tls?: LeaderTls
  /** Where to redirect a client to. Default: the leader's `publicUrl` with the request's path and query. */
  location?: (req: Req, leader: LeaderInfo) => string | undefined
  /** Where to log leaders that cannot be reached, and requests whose outcome is unknown. Default: nowhere. */
  logger?: Logger
}

/** Options of `routeWrites` with every default filled in. */
export interface RouteSettings {
  readonly framework: Framework
  readonly mode: 'forward' | 'redirect' | 'reject'
  /** True if this request is for the leader. */
  readonly isForLeader: (req: HttpRequest) => boolean
  readonly hold: HoldLimits
  readonly maxBufferBytes: number
  readonly connectTimeoutMs: number
  readonly responseTimeoutMs: number
  /** True if a write may be sent again although it may have run. */
  readonly mayResend: (req: HttpRequest) => boolean
  readonly identify: (req: HttpRequest) => string | undefined
  readonly tls: LeaderTlsSettings | undefined
  readonly location: ((req: HttpRequest, leader: LeaderInfo) => string | undefined) | undefined
  readonly logger: Logger | undefined
}

const MODES = ['forward', 'redirect', 'reject'] as const
/** Methods of requests that change nothing. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const MIB = 1024 * 1024

/**
 * Fills in defaults and checks everything at once.
 *
 * @throws OptionsError that lists every problem
 */
export function resolveRouteOptions<Req>(
  node: AdapterNode,
  framework: Framework<Req>,
  options: RouteWritesOptions<Req>,
): RouteSettings {
  const problems: string[] = []
  const number = (name: string, value: number, min: number, unit: string) => {
    if (Number.isInteger(value) && value >= min) return value
    problems.push(`${name} is ${String(value)}: must be a whole number of ${unit}, at least ${min}`)
    return min
  }
  /** The app's functions get the request as its framework has it. */
  const own =
    <More extends unknown[], T>(fn: (req: Req, ...more: More) => T) =>
    (req: HttpRequest, ...more: More): T =>
      fn(framework.requestOf(req), ...more)
  const callback = <More extends unknown[], T>(
    name: string,
    value: ((req: Req, ...more: More) => T) | undefined,
  ) => {
    if (value === undefined) return undefined
    if (typeof value !== 'function') problems.push(`${name} is ${String(value)}: must be a function`)
    return own(value)
  }
  const matches = (name: string, list: readonly RequestMatch<Req>[]) => {
    if (!Array.isArray(list)) problems.push(`${name} is ${String(list)}: must be a list`)
    else
      list.forEach(
        (match, i) =>
          isRequestMatch(match) ||
          problems.push(
            `${name}[${i}] is ${String(match)}: must be a path that begins with "/", a RegExp or a function`,
          ),
      )
    return Array.isArray(list) ? list.map((match) => (typeof match === 'function' ? own(match) : match)) : []
  }

  const { mode = 'forward', hold = {}, resend = node.runRequest !== undefined } = options
  if (typeof resend !== 'boolean' && typeof resend !== 'function')
    problems.push(`resend is ${String(resend)}: must be true, false or a function`)
  if (!MODES.includes(mode)) problems.push(`mode is ${mode as string}: must be one of ${MODES.join(', ')}`)
  const isWrite =
    callback('isWrite', options.isWrite) ?? ((req: HttpRequest) => !SAFE_METHODS.has(req.method))
  const passthrough = matches('passthrough', options.passthrough ?? [])
  const alwaysForward = matches('alwaysForward', options.alwaysForward ?? [])
  const settings: RouteSettings = {
    framework,
    mode,
    isForLeader: (req) => !fitsAny(req, passthrough) && (fitsAny(req, alwaysForward) || isWrite(req)),
    hold: {
      ms: number('hold.ms', hold.ms ?? Math.max(5000, node.leaseTtlMs + 2000), 0, 'ms'),
      maxRequests: number('hold.maxRequests', hold.maxRequests ?? 1000, 0, 'requests'),
      maxBytes: number('hold.maxBytes', hold.maxBytes ?? 16 * MIB, 0, 'bytes'),
    },
    maxBufferBytes: number('maxBufferBytes', options.maxBufferBytes ?? MIB, 0, 'bytes'),
    connectTimeoutMs: number('connectTimeoutMs', options.connectTimeoutMs ?? 2000, 1, 'ms'),
    responseTimeoutMs: number('responseTimeoutMs', options.responseTimeoutMs ?? 30_000, 1, 'ms'),
    mayResend: typeof resend === 'function' ? own(resend) : () => resend,
    identify: callback('identify', options.identify) ?? ((req: HttpRequest) => req.headers.authorization),
    tls:
      options.tls === undefined
        ? undefined
        : resolveLeaderTls(options.tls, (problem) => problems.push(problem)),
    location: callback('location', options.location),
    logger: options.logger,
  }
  if (problems.length > 0) throw new OptionsError(problems)
  return settings
}

function isRequestMatch(match: unknown): boolean {
  if (typeof match === 'string') return match.startsWith('/')
  return match instanceof RegExp || typeof match === 'function'
}

function fitsAny(req: HttpRequest, matches: readonly RequestMatch[]): boolean {
  if (matches.length === 0) return false
  const path = requestPath(req).replace(/\?.*$/s, '')
  return matches.some((match) => {
    if (typeof match === 'function') return match(req)
    if (match instanceof RegExp) return path.search(match) >= 0 // search: a global RegExp would remember where it was
    return path === match || path.startsWith(match.endsWith('/') ? match : `${match}/`)
  })
}
