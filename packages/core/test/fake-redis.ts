import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** A server that speaks just enough RESP to be asked what it is, and says that it is whatever a test wants. */
export class FakeRedis {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(info: string) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        for (const command of commandsIn(chunk.toString())) socket.write(replyTo(command, info))
      })
    })
  }

  /** @param info what it answers to INFO. */
  static async start(info: string): Promise<FakeRedis> {
    const fake = new FakeRedis(info)
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve))
    return fake
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** The names of the commands in what a client sent: the first bulk string of each array. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/\*\d+\r\n\$\d+\r\n([^\r]*)\r\n/g)].map(([, name = '']) => name.toUpperCase())
}

function replyTo(command: string, info: string): string {
  if (command === 'INFO') return `$${Buffer.byteLength(info)}\r\n${info}\r\n`
  if (command === 'HELLO') return '%1\r\n$5\r\nproto\r\n:3\r\n'
  return '+OK\r\n'
}
