import type { ErrorRequestHandler, Request, Response } from 'express'

/** Ten million, in cents. */
const LARGEST_AMOUNT = 1_000_000_000
const ACCOUNT_ID = /^[a-z\d][a-z\d-]{0,63}$/

/** A request that is refused before anything is written. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/**
 * Who sends a request. This bank takes the customer's word for it; yours would verify a token here. It answers the
 * customer rather than the token, because an Idempotency-Key stays the customer's when the token is renewed.
 */
export function customerOf(req: Request): string | undefined {
  return /^Bearer ([\w.-]{1,64})$/i.exec(req.headers.authorization ?? '')?.[1]
}

/** @throws Refusal if the request does not say who sends it. */
export function mustBeCustomer(req: Request): string {
  const customer = customerOf(req)
  if (customer === undefined)
    throw new Refusal(401, 'UNAUTHENTICATED', 'Say who you are: Authorization: Bearer <customer>')
  return customer
}

/** The account in the request's path. */
export function accountInPath(req: Request): string {
  return accountId(req.params['id'], 'The account in the path')
}

/** An account that the request's body names. */
export function accountInBody(req: Request, name: string): string {
  return accountId(field(req, name), `"${name}"`)
}

/** How much the request is about, in cents. */
export function amountInBody(req: Request): number {
  const amount = field(req, 'amount')
  if (typeof amount === 'number' && Number.isInteger(amount) && amount >= 1 && amount <= LARGEST_AMOUNT)
    return amount
  throw badRequest(`"amount" must be a whole number of cents from 1 to ${LARGEST_AMOUNT}`)
}

/** A request that makes no sense. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BAD_REQUEST', message)
}

/** Answers requests that are refused, bodies that are no JSON included. */
export const refusals: ErrorRequestHandler = (error, _req, res: Response, next) => {
  const { status, code = 'BAD_REQUEST', message } = error as Partial<Refusal>
  if (res.headersSent || typeof status !== 'number' || status < 400 || status > 499) return next(error)
  if (status === 401) res.set('WWW-Authenticate', 'Bearer')
  res.status(status).json({ error: { code, message } })
}

function accountId(id: unknown, what: string): string {
  if (typeof id === 'string' && ACCOUNT_ID.test(id)) return id
  throw badRequest(`${what} must be 1 to 64 lower-case letters, digits and dashes`)
}

function field(req: Request, name: string): unknown {
  const body = req.body as Record<string, unknown> | null | undefined
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name) ? body[name] : undefined
}
