import type { ServerResponse } from 'node:http'
import {
  CommandError,
  type ErrorCode,
  type LeaseholdError,
  OutcomeUnknownError,
  SwitchoverFailedError,
} from '@leasehold/core'
import { RequestOutcomeUnknownError } from './errors.js'

/** HTTP status by error code; what is not listed is a fault of the app or its set-up, 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  NOT_JSON: 400,
  COMMAND_REJECTED: 409,
  LINEAGE_LOST: 409,
  SWITCHOVER_FAILED: 409,
  ENTRY_TOO_LARGE: 413,
  KEY_REUSED: 422,
  NOT_SUPPORTED: 501,
  BUSY: 503,
  DIVERGED: 503,
  LOG_LOST: 503,
  LOG_REFUSED: 503,
  NO_LEADER: 503,
  NOT_LEADER: 503,
  NOT_STARTED: 503,
  REDIS_UNREACHABLE: 503,
  STOPPED: 503,
  VERSION_TOO_OLD: 503,
  LAGGING: 504,
  OUTCOME_UNKNOWN: 504,
  ROTATION_UNFINISHED: 504,
}

/** Messages for clients where the error's own could tell them what is none of their business. */
const MESSAGE: Partial<Record<ErrorCode, string>> = {
  // the error names the leader's internal address
  NOT_LEADER: 'This instance is not the leader. Nothing was done; try again.',
  // these quote Redis
  LOG_REFUSED: 'The log refused the write. Nothing was written.',
  REDIS_UNREACHABLE: 'The log is out of reach.',
  // the error quotes an exception of the app
  COMMAND_FAILED: 'A command failed.',
  // these are meant for whoever runs the service
  APP_MISMATCH: 'The service is not set up correctly.',
  INVALID_OPTIONS: 'The service is not set up correctly.',
  NAME_TAKEN: 'The service is not set up correctly.',
  REDIS_FORBIDDEN: 'The service is not set up correctly.',
  REDIS_UNSUPPORTED: 'The service is not set up correctly.',
  START_TIMEOUT: 'The service is not set up correctly.',
}

/** What a handler may have said of a reply that this one takes the place of. */
const OF_ANOTHER_REPLY = ['Content-Encoding', 'Content-Language', 'Content-Range', 'ETag', 'Last-Modified']

/** Answers with JSON that no cache keeps. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body, (_key, value: unknown) => (value === undefined ? null : value))
  for (const name of OF_ANOTHER_REPLY) res.removeHeader(name)
  res.statusCode = status
  res.setHeader('Content-Type', 'application/json; charset=utf-8')
  res.setHeader('Content-Length', Buffer.byteLength(text))
  res.setHeader('Cache-Control', 'no-store')
  res.end(text)
}

/** What may be said of an error beside its code. */
export interface ErrorReply {
  /** Default: what goes with the code. */
  readonly status?: number
  /** Default: a message that says nothing that is not the client's business. */
  readonly message?: string
  /** The request that failed, for a client that wants to ask what became of it. */
  readonly requestId?: string | undefined
}

/** What an error is answered with, for whoever writes the reply. */
export interface ErrorAnswer {
  readonly status: number
  /** Beside those of every JSON reply. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly error: { readonly code: ErrorCode; readonly message: string } }
}

/** `{ error: { code, message } }` with the status that goes with the code, and `Retry-After` with a 503. */
export function errorAnswer(error: LeaseholdError, reply: ErrorReply = {}): ErrorAnswer {
  const { status = STATUS[error.code] ?? 500, message = MESSAGE[error.code] ?? error.message } = reply
  return {
    status,
    headers: status === 503 ? { 'Retry-After': '1' } : {},
    body: { error: { code: error.code, message, ...details(error, reply.requestId) } },
  }
}

/** Answers so. */
export function sendAnswer(res: ServerResponse, { status, headers, body }: ErrorAnswer): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  sendJson(res, status, body)
}

/** Answers with what goes with the error. */
export function sendError(res: ServerResponse, error: LeaseholdError, reply: ErrorReply = {}): void {
  sendAnswer(res, errorAnswer(error, reply))
}

function details(error: LeaseholdError, requestId: string | undefined): object {
  if (error instanceof RequestOutcomeUnknownError) return { requestId: error.requestId }
  if (error instanceof OutcomeUnknownError)
    return { opId: error.opId, ...(requestId !== undefined && { requestId }) }
  if (error instanceof SwitchoverFailedError) return { reason: error.reason }
  if (error instanceof CommandError && error.reason !== undefined) return { reason: error.reason }
  return {}
}
