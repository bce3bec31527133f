import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { BodyConsumedError } from './errors.js'
import type { HttpRequest } from './framework.js'
import { serializeBody } from './parsed-body.js'
import { RequestBytes } from './request-bytes.js'

/** A request's body on its way to the leader, whatever became of it on the way to us. */
export interface ForwardBody {
  /** Headers that describe it where they differ from the client's; undefined ones are dropped. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Bytes of it that are kept in memory. */
  readonly keptBytes: number
  /** What to send: everything at once, or a stream that can be read once. Null if there is none. */
  payload(): Buffer | AsyncIterable<Buffer> | null
  /** True if it can be sent more than once: all of it is kept. */
  readonly isKept: boolean
  /** True until bytes are gone for good: it can be sent, again or for the first time. */
  readonly intact: boolean
  /** Puts it back on the request, so that parsers and handlers of this instance find it. Only while it is intact. */
  restore(): void
}

/**
 * Takes over the body of a request. Up to `maxBufferBytes` it is kept, so that it can be sent more than once; a longer
 * one is streamed.
 *
 * @throws ClientGoneError if the client goes away while it sends
 */
export async function takeBody(req: HttpRequest, maxBufferBytes: number): Promise<ForwardBody> {
  if (!hasBody(req.headers))
    return new KeptBody(Buffer.alloc(0), { 'content-length': req.headers['content-length'] })
  if (wasRead(req)) return takeParsedBody(req)

  const length = req.headers['content-length']
  const bytes = new RequestBytes(req)
  // Of a long one the first bytes are awaited, too: undici sends no header before them, so that a signature made now
  // would be as old as the client likes when it reaches the leader.
  const tooLong = Number(length ?? 0) > maxBufferBytes
  const { head, isAll } = await readHead(bytes, tooLong ? 0 : maxBufferBytes)
  if (!isAll) return new StreamedBody(head, bytes, { 'content-length': length })
  return new KeptBody(head, { 'content-length': String(head.length) }, bytes)
}

/** Reads until the body ends or is longer than `maxBytes`, and says which. */
async function readHead(bytes: RequestBytes, maxBytes: number): Promise<{ head: Buffer; isAll: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  while (size <= maxBytes) {
    const chunk = await bytes.next()
    if (!chunk) return { head: Buffer.concat(chunks), isAll: true }
    chunks.push(chunk)
    size += chunk.length
  }
  return { head: Buffer.concat(chunks), isAll: false }
}

/** Roughly what a request holds in memory while it waits for a leader with its body unread. */
export function waitingBytes(req: IncomingMessage): number {
  if (!hasBody(req.headers)) return 0
  const length = Number(req.headers['content-length'] ?? Number.POSITIVE_INFINITY)
  return wasRead(req)
    ? Number(req.headers['content-length'] ?? 0)
    : Math.min(length, req.readableHighWaterMark)
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * As `takeBody`, for a request that is served here first: undefined if its body cannot be kept, which is no error then.
 */
export async function keepBody(req: HttpRequest, maxBufferBytes: number): Promise<ForwardBody | undefined> {
  try {
    return await takeBody(req, maxBufferBytes)
  } catch (error) {
    if (error instanceof BodyConsumedError) return undefined
    throw error
  }
}

/** True if somebody has read, or has begun to read, what the client sent. */
function wasRead(req: IncomingMessage): boolean {
  return req.readableDidRead || req.readableEnded || req.readableFlowing === true
}

function takeParsedBody(req: HttpRequest): ForwardBody {
  const { bytes, contentType } = serializeBody(req.headers, req.body)
  // Parsers inflate what they read, so the client's content-encoding no longer holds.
  const headers = {
    'content-type': contentType,
    'content-length': String(bytes.length),
    'content-encoding': undefined,
  }
  return new KeptBody(bytes, headers)
}

class KeptBody implements ForwardBody {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly isKept = true
  readonly intact = true
  readonly #bytes: Buffer
  readonly #source: RequestBytes | undefined

  constructor(bytes: Buffer, headers: Record<string, string | undefined>, source?: RequestBytes) {
    this.#bytes = bytes
    this.headers = headers
    this.#source = source
  }

  get keptBytes(): number {
    return this.#bytes.length
  }

  payload(): Buffer | null {
    return this.#bytes.length > 0 ? this.#bytes : null
  }

  restore(): void {
    this.#source?.putBack(this.#bytes)
  }
}

class StreamedBody implements ForwardBody {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly isKept = false
  intact = true
  #head: Buffer
  readonly #rest: RequestBytes

  constructor(head: Buffer, rest: RequestBytes, headers: Record<string, string | undefined>) {
    this.#head = head
    this.#rest = rest
    this.headers = headers
  }

  get keptBytes(): number {
    return this.#head.length
  }

  async *payload(): AsyncGenerator<Buffer> {
    this.intact = false
    if (this.#head.length > 0) yield this.#head
    this.#head = Buffer.alloc(0)
    for (let chunk = await this.#rest.next(); chunk; chunk = await this.#rest.next()) yield chunk
  }

  restore(): void {
    this.#rest.putBack(this.#head)
  }
}
