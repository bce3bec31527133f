import { LaggingError, LeaseholdError, OptionsError, parsePosition, type Position } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import {
  clearPositionCookie,
  positionFromCookie,
  type PositionCookie,
  setPositionCookie,
} from './position-cookie.js'
import type { Framework, Handler, HttpRequest } from './framework.js'
import { POSITION } from './headers.js'
import { readAtLeader } from './read-at-leader.js'
import { sendError } from './replies.js'

/** How fresh a read has to be; see `ReadOptions` of `@leasehold/core`. */
export type Consistency = 'local' | 'session' | 'linearizable'

/** Options of `consistentReads`. */
export interface ConsistentReadsOptions<Req = HttpRequest> {
  /**
   * How fresh reads are: `'local'` answers from whatever this replica has; `'session'` from no earlier than what the client
   * has seen, by the position that it carries; `'linearizable'` from everything that was written before. A function decides
   * for each request. Default `'session'`.
   */
  consistency?: Consistency | ((req: Req) => Consistency)
  /** How long a read waits until this replica is fresh enough, in ms; then it goes to the leader. Default 1000. */
  waitMs?: number
  /**
   * The cookie that carries the position for clients that do not send the header: `false` for none, or its name.
   * Default `leasehold-<group>`.
   */
  cookie?: false | string
}

const CONSISTENCIES: readonly unknown[] = ['local', 'session', 'linearizable']
const READS = new Set(['GET', 'HEAD'])

/**
 * Handler that lets a read pass once this replica is as fresh as the read asks for, on whichever instance it arrives.
 *
 * Every reply carries `Leasehold-Position`, and a cookie says the same, so that a client that comes back, to this instance
 * or another one, sees at least what it has seen before (G8): its own writes, and what it has read. A position that the
 * log does not have is told with 409 `LINEAGE_LOST`, and the cookie is taken back. A read for which this replica is not
 * fresh enough in time goes to the leader, as `routeWrites` takes a write there; if that is of no use either the answer is
 * 504 `LAGGING`.
 *
 * Mount it behind `routeWrites` and before the routes.
 *
 * @throws OptionsError that lists every problem
 */
export function consistentReads<Req>(
  node: AdapterNode,
  framework: Framework<Req>,
  options: ConsistentReadsOptions<Req> = {},
): Handler {
  const { consistency = 'session', waitMs = 1000, cookie = `leasehold-${node.group}` } = options
  const problems: string[] = []
  if (typeof consistency !== 'function' && !CONSISTENCIES.includes(consistency))
    problems.push(`consistency is ${consistency}: must be one of ${CONSISTENCIES.join(', ')}, or a function`)
  if (!Number.isInteger(waitMs) || waitMs < 1)
    problems.push(`waitMs is ${String(waitMs)}: must be a whole number of ms, at least 1`)
  if (cookie !== false && !/^[\w!#$%&'*+.^`|~-]+$/.test(cookie))
    problems.push(`cookie is ${cookie}: must be false or a name that a cookie can have`)
  if (node.reach === undefined)
    problems.push('node has no state machine: there is no replica whose reads could be consistent')
  if (problems.length > 0) throw new OptionsError(problems)
  const jar: PositionCookie | undefined =
    cookie === false ? undefined : { name: cookie, isSecure: (req) => framework.isSecure(req) }

  return (req, res, next) => {
    const inCookie = jar && positionFromCookie(req, jar)
    const seen = latest(fromHeader(req), inCookie)
    if (jar) setPositionCookie(node, req, res, jar, { inCookie, latest: seen })
    if (!READS.has(req.method)) return next()
    const asked = typeof consistency === 'function' ? consistency(framework.requestOf(req)) : consistency
    const position = asked === 'session' ? seen : undefined
    if (asked === 'local' || (asked === 'session' && !position)) return next()
    if (position && node.isReadableAt?.(position)) return next()

    const answerError = (error: unknown) => {
      if (!(error instanceof LeaseholdError) || res.headersSent) return next(error)
      if (error.code === 'LINEAGE_LOST' && jar && position === inCookie) clearPositionCookie(req, res, jar)
      sendError(res, error)
    }
    const reach = async () =>
      node.reach?.({ consistency: asked, timeoutMs: waitMs, ...(position && { position }) })
    reach().then(
      () => next(),
      (error: unknown) => {
        if (!(error instanceof LaggingError)) return answerError(error)
        readAtLeader(node, req, res, async () => reach().then(() => next())).then(
          (answered) => answered || answerError(error),
          answerError,
        )
      },
    )
  }
}

function fromHeader(req: HttpRequest): Position | undefined {
  const header = req.headers[POSITION.toLowerCase()]
  return typeof header === 'string' ? parsePosition(header) : undefined
}

/** A client that sends both has seen both. Of two logs the header's counts: it was sent on purpose. */
function latest(header: Position | undefined, cookie: Position | undefined): Position | undefined {
  if (!header || !cookie || header.logId !== cookie.logId) return header ?? cookie
  return cookie.index > header.index ? cookie : header
}
