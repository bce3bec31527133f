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
