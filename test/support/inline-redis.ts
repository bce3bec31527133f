import { connect } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'

/**
 * Sends one command to a Redis, by default on loopback, over a socket of its own and returns the reply's text. Needs no client
 * library, so it also works before the server is ready, and leaves nothing open.
 *
 * @param tls what to trust and to show, for a port that speaks TLS
 * @throws Error with the server's message if the reply is an error; if the connection fails or closes; or after
 * `timeoutMs`.
 */
export function inlineCommand(
  port: number,
  command: string,
  timeoutMs = 5_000,
  tls?: ConnectionOptions,
  host = '127.0.0.1',
): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const fail = (why: string) => reject(new Error(`${command} to port ${port}: ${why}`))
    const place = { port, host }
    const send = () => socket.write(`${command}\r\n`)
    const socket = tls ? connectTls({ ...place, ...tls }, send) : connect(place, send)
    const timer = setTimeout(() => {
      fail(`no reply within ${timeoutMs} ms`)
      socket.destroy()
    }, timeoutMs)
    socket.setEncoding('utf8')
    socket.on('error', (error) => fail(error.message))
    socket.on('close', () => {
      clearTimeout(timer)
      fail('the connection closed')
    })
    socket.on('data', (text: string) => {
      received += text
      const reply = parseReply(received)
      if (reply === undefined) return
      if (reply.startsWith('-')) fail(reply.slice(1))
      else resolve(reply)
      socket.destroy()
    })
  })
}

/** The whole reply, without type and length for strings; undefined while some of it is missing. */
function parseReply(received: string): string | undefined {
  const end = received.indexOf('\r\n')
  if (end < 0) return undefined
  const line = received.slice(0, end)
  if (line.startsWith('+') || line.startsWith(':')) return line.slice(1)
  if (!line.startsWith('$')) return line
  const body = received.slice(end + 2)
  return body.endsWith('\r\n') && body.length >= Number(line.slice(1)) + 2 ? body.slice(0, -2) : undefined
}
