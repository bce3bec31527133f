import type { ServerResponse } from 'node:http'
import type { LeaderInfo, RequestIdentity } from '@leasehold/core'
import type { AdapterNode } from './adapter-node.js'
import { type ForwardBody, keepBody, takeBody, waitingBytes } from './body.js'
import { ClientGoneError, NoLeaderError, RequestOutcomeUnknownError } from './errors.js'
import { ForwardLog } from './forward-log.js'
import { signForwarded } from './forwarded.js'
import { FORWARDED, headersForLeader } from './headers.js'
import { Hold, type Server } from './hold.js'
import { type Call, callLeader } from './leader-call.js'
import { LeaderPools } from './leader-pools.js'
import { LeaderSearch } from './leader-search.js'
import { nameRequest } from './request-identity.js'
import { requestPath } from './request-path.js'
import { carryTrace, endForward, startForward } from './request-spans.js'
import type { RouteSettings } from './route-options.js'
import type { Route, RoutedRequest } from './route-request.js'

/**
 * Serves writes where this instance leads, and sends them to the leader, and its answers back, where it does not.
 *
 * A request goes to one leader after another until one answers it, under one name, so that its writes take effect once
 * (G6): also when the one before vanished with it, or was deposed while its handler ran, unless `resend` forbids that or its
 * body was too long to be kept. The hold's deadline ends that, honestly: 503 if it surely did not run, else 504 (G3).
 */
export function forward(node: AdapterNode, settings: RouteSettings): Route {
  const hold = new Hold(node, settings.hold)
  const pools = new LeaderPools(node, settings, settings.hold.ms)
  const log = new ForwardLog(settings.logger)
  return (request, res) => new Journey(node, settings, hold, pools, log, request, res).run()
}

/** A leader as the search finds it here: one with a `url`. */
type ReachableLeader = LeaderInfo & { readonly url: string }

/** Why it is not known whether a request ran. */
interface Doubt {
  readonly why: string
  readonly cause?: unknown
}

/** One request from its arrival to its answer. */
class Journey {
  readonly #node: AdapterNode
  readonly #settings: RouteSettings
  readonly #pools: LeaderPools
  readonly #log: ForwardLog
  readonly #request: RoutedRequest
  readonly #search: LeaderSearch
  #res: ServerResponse
  /** Set once the body was taken. */
  #identity: RequestIdentity | undefined
  #body: ForwardBody | undefined
  #ranHere = false
  /** How often it was begun, here or by a call to a leader. */
  #tries = 0
  /** Set once it may have run somewhere. */
  #doubt: Doubt | undefined

  constructor(
    node: AdapterNode,
    settings: RouteSettings,
    hold: Hold,
    pools: LeaderPools,
    log: ForwardLog,
    request: RoutedRequest,
    res: ServerResponse,
  ) {
    this.#node = node
    this.#settings = settings
    this.#pools = pools
    this.#log = log
    this.#request = request
    this.#res = res
    this.#search = new LeaderSearch(node, hold, request.gone, (leader) => leader.url !== undefined)
  }

  async run(): Promise<void> {
    try {
      await this.#travel()
      this.#ended('answered')
    } catch (error) {
      this.#ended(endOf(error))
      throw error
    }
  }

  #ended(outcome: ReturnType<typeof endOf>): void {
    if (this.#tries > 1) this.#node.metrics?.resent(outcome)
  }

  async #travel(): Promise<void> {
    const { req } = this.#request
    for (;;) {
      const server = await this.#next()
      const identity = this.#identity
      if (!identity) {
        this.#identity = await this.#takeBody(server)
        continue // a body takes as long to arrive as the client takes to send it: look again who leads
      }
      const doubt =
        server === 'here' && !this.#ranHere
          ? await this.#serveHere(identity)
          : await this.#call(identity, this.#remote(identity, server))
      if (doubt === 'answered') return
      if (doubt === 'refused') continue
      this.#doubt = doubt
      if (!this.#settings.mayResend(req) || !this.#body?.isKept) throw unknown(identity, doubt)
    }
  }

  async #next(): Promise<Server> {
    try {
      return await this.#search.next(this.#body?.keptBytes ?? waitingBytes(this.#request.req))
    } catch (error) {
      if (this.#identity && this.#doubt && error instanceof NoLeaderError)
        throw unknown(this.#identity, this.#doubt)
      throw error
    }
  }

  async #takeBody(server: Server): Promise<RequestIdentity> {
    const { req } = this.#request
    const take = server === 'here' ? keepBody : takeBody
    this.#body = await take(req, this.#settings.maxBufferBytes)
    return nameRequest(this.#node, this.#settings, req, this.#body)
  }

  async #serveHere(identity: RequestIdentity): Promise<'answered' | 'refused' | Doubt> {
    const mayDrop = this.#body?.isKept === true && this.#settings.mayResend(this.#request.req)
    const served = await this.#request.serve({ identity, mayDrop, body: this.#body })
    if (served.kind !== 'refused') {
      this.#ranHere = true
      this.#tries++
    }
    if (served.kind !== 'deposed') return served.kind
    this.#res = served.res
    this.#search.deposed()
    return { why: served.why }
  }

  /** A handler that ran here once cannot run again on the same request, so it gets the request as another one would. */
  #remote(identity: RequestIdentity, server: Server): ReachableLeader {
    const leader = server === 'here' ? this.#node.leader : server
    if (leader?.url === undefined)
      throw unknown(identity, {
        why: 'This instance leads again, and has no url to send the request to itself',
      })
    return leader as ReachableLeader
  }

  async #call(identity: RequestIdentity, leader: ReachableLeader): Promise<'answered' | 'refused' | Doubt> {
    const body = this.#body ?? (await takeBody(this.#request.req, this.#settings.maxBufferBytes))
    const call = this.#callTo(identity, leader, body)
    const connectWithinMs = Math.min(this.#settings.connectTimeoutMs, this.#search.remainingMs)
    this.#tries++
    const span = startForward(this.#node, this.#request.req, leader, this.#tries)
    if (span) carryTrace(span, call.headers)
    const outcome = await callLeader(
      this.#pools.to(leader.url),
      call,
      this.#res,
      connectWithinMs,
      this.#request.gone,
    )
    this.#node.metrics?.forwarded(outcome.kind)
    if (span) endForward(span, outcome, this.#res)
    switch (outcome.kind) {
      case 'answered':
        this.#log.reached()
        return 'answered'
      case 'refused':
        if (outcome.cause) this.#log.unreachable(leader, outcome.cause)
        if (!body.intact)
          throw new NoLeaderError(`${leader.id} does not lead, and the body was too long to be kept`)
        this.#search.refused(
          leader,
          outcome.why,
          outcome.timedOut && connectWithinMs < this.#settings.connectTimeoutMs,
        )
        return 'refused'
      case 'unknown':
        if (outcome.cause) this.#log.unanswered(identity.requestId, leader, outcome.cause)
        if (wouldRecur(outcome.cause)) throw unknown(identity, outcome)
        this.#search.refused(leader, outcome.why)
        return outcome
    }
  }

  /** The request as this leader is to get it: the client's, but for what belongs to the hop, and signed. */
  #callTo(identity: RequestIdentity, leader: ReachableLeader, body: ForwardBody): Call {
    const { req } = this.#request
    const { method } = req
    const path = requestPath(req)
    const headers = headersForLeader(req, this.#node.id, this.#settings.framework.isOutsider(req))
    for (const [name, value] of Object.entries(body.headers)) {
      if (value === undefined) delete headers[name]
      else headers[name] = value
    }
    headers[FORWARDED] = signForwarded(this.#node, method, path, {
      term: leader.term,
      from: this.#node.id,
      identity,
    })
    return {
      requestId: identity.requestId,
      mayResend: body.isKept && this.#settings.mayResend(req),
      method,
      path: `${basePath(leader.url)}${path}`,
      headers,
      body: body.payload(),
      tracer: this.#node.tracer,
    }
  }
}

function unknown({ requestId }: RequestIdentity, { why, cause }: Doubt): RequestOutcomeUnknownError {
  return new RequestOutcomeUnknownError(requestId, why, cause)
}

/** What a client got whose request came to such an end. */
function endOf(error: unknown): 'answered' | 'no_leader' | 'unknown' | 'gone' | 'failed' {
  if (error instanceof NoLeaderError) return 'no_leader'
  if (error instanceof RequestOutcomeUnknownError) return 'unknown'
  return error instanceof ClientGoneError ? 'gone' : 'failed'
}

/** A handler that takes too long would take as long again, and one whose reply's head is too long would say the same. */
function wouldRecur(cause: unknown): boolean {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  return code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_HEADERS_OVERFLOW'
}

/** The path under which a node's `url` says that it is mounted; empty for most. */
function basePath(url: string): string {
  return new URL(url).pathname.replace(/\/+$/, '')
}
