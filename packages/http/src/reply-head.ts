import type { OutgoingHttpHeader, ServerResponse } from 'node:http'

/** What stands at the beginning of a reply. */
export interface ReplyHead {
  readonly status: number
  readonly message: string
  readonly headers: ReadonlyMap<string, OutgoingHttpHeader>
}

/** The head of a reply as it is now, none of which has been sent. */
export function headOf(res: ServerResponse): ReplyHead {
  const headers = new Map<string, OutgoingHttpHeader>()
  for (const [name, value] of Object.entries(res.getHeaders())) {
    // A copy: `appendHeader` adds to the list that it finds.
    if (value !== undefined) headers.set(name, Array.isArray(value) ? [...value] : value)
  }
  return { status: res.statusCode, message: res.statusMessage, headers }
}

/** Makes the head of a reply what it was, whatever has been done to it since. */
export function putHead(res: ServerResponse, { status, message, headers }: ReplyHead): void {
  for (const name of res.getHeaderNames()) if (!headers.has(name)) res.removeHeader(name)
  for (const [name, value] of headers) if (res.getHeader(name) !== value) res.setHeader(name, value)
  res.statusCode = status
  res.statusMessage = message
}

/**
 * Puts the headers that come with a `writeHead` on the reply, where whoever adds to its head finds them, and returns what is
 * left of the arguments. Node does the same with them where others have been set before.
 */
export function foldHead(res: ServerResponse, args: readonly unknown[]): readonly unknown[] {
  const [status, message, last] = args
  const hasMessage = typeof message === 'string'
  const headers = last ?? (hasMessage ? undefined : message)
  if (typeof headers !== 'object' || headers === null) return args
  if (Array.isArray(headers)) {
    const flat: unknown[] = headers
    if (flat.length % 2 !== 0) return args // Node says what is wrong with it
    const pairs = flat.flatMap((name, i) => (i % 2 === 0 ? [[String(name), flat[i + 1]] as const] : []))
    for (const [name] of pairs) res.removeHeader(name)
    for (const [name, value] of pairs) res.appendHeader(name, value as string | string[])
  } else {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value as OutgoingHttpHeader)
  }
  return hasMessage ? [status, message] : [status]
}
