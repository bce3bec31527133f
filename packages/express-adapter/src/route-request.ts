import type { RequestIdentity } from '@leasehold/core'
import type { Request, Response } from 'express'
import type { Served } from './serve-request.js'

/** A write on its way to whoever is to serve it. */
export interface RoutedRequest {
  readonly req: Request
  /** Aborts when nobody waits for the reply any more. */
  readonly gone: AbortSignal
  /** Runs the handler here. Once: a body that was read and a middleware that was passed do not come back. */
  readonly serve: (identity: RequestIdentity, mayDrop: boolean) => Promise<Served>
}

/** What a mode does with a write: it sees to it that `res` is answered, or rejects with what to answer. */
export type Route = (request: RoutedRequest, res: Response) => Promise<void>
