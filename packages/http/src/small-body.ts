import type { HttpRequest } from './framework.js'

const MAX_BYTES = 4096

/** Why a body is of no use; the text is for the client. */
export class BadBody extends Error {}

/**
 * The fields of a request's small JSON body, whether or not a body parser stands before; none where there is no body.
 *
 * @throws BadBody if it is too long, or not a JSON object
 */
export async function smallBody(req: HttpRequest): Promise<Readonly<Record<string, unknown>>> {
  // A parser that leaves a body alone may still set one: Express 4 has {} then.
  if (req.readableDidRead || req.readableEnded) {
    const parsed: unknown = req.body
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
  }
  let text = ''
  req.setEncoding('utf8')
  // To its end, whatever it is: to leave it would end the connection, and the client would not hear what was wrong.
  for await (const chunk of req) if (text.length <= MAX_BYTES) text += String(chunk)
  if (text.length > MAX_BYTES) throw new BadBody(`The body has more than ${MAX_BYTES} bytes.`)
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // said below
  }
  throw new BadBody('The body must be a JSON object.')
}
