import { type ClientRequest, type IncomingHttpHeaders, request, type RequestOptions } from 'node:http'
import { connect } from 'node:net'

/** A whole reply. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: string[]
  readonly trailers: NodeJS.Dict<string>
  readonly body: Buffer
  readonly text: string
  readonly json: Record<string, unknown>
}

/** A request on a connection of its own, whose body the test writes piece by piece. */
export function open(
  url: string,
  options: RequestOptions = {},
): { req: ClientRequest; reply: Promise<Reply> } {
  const req = request(url, { agent: false, ...options })
  const reply = new Promise<Reply>((resolve, reject) => {
    req.on('error', reject)
    req.on('response', (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const body = Buffer.concat(chunks)
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          rawHeaders: res.rawHeaders,
          trailers: res.trailers,
          body,
          text: body.toString(),
          get json() {
            return JSON.parse(body.toString()) as Record<string, unknown>
          },
        })
      })
    })
  })
  reply.catch(() => {}) // a test that cuts the connection need not look at what came of it
  return { req, reply }
}

/** A request with its body, and the whole reply to it. */
export function send(url: string, options: RequestOptions = {}, body?: string | Buffer): Promise<Reply> {
  const { req, reply } = open(url, options)
  req.end(body)
  return reply
}

/** A POST of JSON. */
export function postJson(url: string, value: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const body = JSON.stringify(value)
  return send(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }, body)
}

/** Everything that the server sends on a connection, until it closes it. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (received += chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
  })
}
