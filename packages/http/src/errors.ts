import { LeaseholdError } from '@leasehold/core'

/** No leader took the request in time, so it surely did not run. The client may send it again. */
export class NoLeaderError extends LeaseholdError {
  constructor(why: string) {
    super('NO_LEADER', `${why}. Nothing was done; try again.`, { retryable: true })
  }
}

/**
 * The request was sent to the leader and no answer came back: it may have run, and may still run. Never treat it as
 * failed. `requestId` names it in the logs of both instances.
 */
export class RequestOutcomeUnknownError extends LeaseholdError {
  readonly requestId: string

  constructor(requestId: string, why: string, cause?: unknown) {
    super('OUTCOME_UNKNOWN', `${why}: whether request ${requestId} took effect is unknown.`, { cause })
    this.requestId = requestId
  }
}

/** The client's key names another request, which runs at this moment. */
export class KeyReusedError extends LeaseholdError {
  constructor() {
    super('KEY_REUSED', 'The idempotency key names another request, which is under way. Nothing was done.')
  }
}

/** The body was read before `routeWrites` saw the request, and cannot be written down again from what is left of it. */
export class BodyConsumedError extends LeaseholdError {
  constructor(contentType: string | undefined, cause?: unknown) {
    super(
      'BODY_CONSUMED',
      `The ${contentType ?? 'untyped'} body was read by another middleware and cannot be forwarded. ` +
        'Mount routeWrites before the middleware that reads it.',
      { cause },
    )
  }
}

/** Clients are to be redirected to a leader that has no address for them. */
export class NoPublicUrlError extends LeaseholdError {
  constructor(leaderId: string) {
    super(
      'NO_PUBLIC_URL',
      `The leader ${leaderId} has no publicUrl to redirect to. ` +
        "Give every node a publicUrl, or routeWrites a location(req, leader), or use mode 'forward'.",
    )
  }
}

/** The client went away; there is nobody to answer. Never leaves this package. */
export class ClientGoneError extends Error {}
