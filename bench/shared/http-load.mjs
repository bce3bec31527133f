import { once } from 'node:events'
import { connect } from 'node:net'

const HEAD_END = '\r\n\r\n'

/** The bytes of a request, which are the same each time. */
export function requestBytes({ method, path, headers = {}, body = '' }) {
  const all = { host: 'bench', ...headers, ...(body && { 'content-length': Buffer.byteLength(body) }) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

/**
 * A keep-alive connection with one request on its way. It reads no more of a reply than where it ends and whether it is a
 * 200, so that a client takes a fraction of the CPU of any server.
 */
export class Connection {
  #socket
  #received = Buffer.alloc(0)
  #replied = () => {}
  #failed = () => {}
  #broke

  static async open(port) {
    const connection = new Connection()
    await connection.#open(port)
    return connection
  }

  async #open(port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(this.#socket, 'connect')
    this.#socket.on('data', (chunk) => this.#read(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the server closed a connection')))
  }

  /** Resolves when the reply is here, all of it. */
  send(bytes) {
    return new Promise((resolve, reject) => {
      if (this.#broke) return reject(this.#broke)
      this.#replied = resolve
      this.#failed = reject
      this.#socket.write(bytes)
    })
  }

  close() {
    this.#socket.destroy()
  }

  #read(chunk) {
    const bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const headBytes = bytes.indexOf(HEAD_END)
    const end =
      headBytes < 0
        ? Number.POSITIVE_INFINITY
        : headBytes + HEAD_END.length + this.#bodyBytes(bytes, headBytes)
    this.#received = bytes.length < end ? bytes : Buffer.alloc(0)
    if (bytes.length >= end) this.#replied()
  }

  #bodyBytes(bytes, headBytes) {
    const head = bytes.latin1Slice(0, headBytes)
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
    if (head.startsWith('HTTP/1.1 200 ') && length !== undefined) return Number(length)
    this.#fail(new Error(`not a reply that this client knows: ${bytes}`))
    return 0
  }

  #fail(error) {
    this.#broke ??= error
    this.#failed(error)
  }
}
