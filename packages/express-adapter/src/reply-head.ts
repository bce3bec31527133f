import type { OutgoingHttpHeader, ServerResponse } from 'node:http'

/** What stands at the beginning of a reply. */
export interface ReplyHead {
  readonly status: number
  readonly message: string
  readonly headers: readonly (readonly [name: string, value: OutgoingHttpHeader])[]
}

/** The head of a reply as it is now, none of which has been sent. */
export function headOf(res: ServerResponse): ReplyHead {
  // By their raw names: `getHeaders()` gives them in lower case.
  const headers = res
    .getRawHeaderNames()
    .map((name) => [name, res.getHeader(name) as OutgoingHttpHeader] as const)
  return { status: res.statusCode, message: res.statusMessage, headers }
}

/** Makes the head of a reply what it was, whatever has been done to it since. */
export function putHead(res: ServerResponse, { status, message, headers }: ReplyHead): void {
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  for (const [name, value] of headers) res.setHeader(name, value)
  res.statusCode = status
  res.statusMessage = message
}
