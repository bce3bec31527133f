/** An event as the server sent it. */
export interface SentEvent {
  readonly event: string
  readonly id: string
  readonly data: unknown
}

/** Follows a feed as a browser does: when its connection is lost it comes back, here at the next address, with the last id. */
export class SseClient {
  /** Everything that it was sent, in order. */
  readonly events: SentEvent[] = []
  /** Where it is connected. */
  url: string | undefined
  readonly #ending = new AbortController()
  readonly #running: Promise<void>

  /** `next` says where to connect, each time. */
  constructor(next: () => string) {
    this.#running = this.#run(next)
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #run(next: () => string): Promise<void> {
    while (!this.#ending.signal.aborted) {
      try {
        await this.#follow(next())
      } catch {
        // It was killed, or is not up: elsewhere then.
      }
      this.url = undefined
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async #follow(url: string): Promise<void> {
    const id = this.events.at(-1)?.id
    const headers: Record<string, string> = {
      connection: 'close',
      ...(id !== undefined && { 'last-event-id': id }),
    }
    const { body, status } = await fetch(`${url}/feed`, { headers, signal: this.#ending.signal })
    if (status !== 200 || !body) throw new Error(`status ${status}`)
    this.url = url
    let text = ''
    for await (const chunk of body.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
      const blocks = (text + chunk).split('\n\n')
      text = blocks.pop() ?? '' // what is not complete never was
      for (const block of blocks) this.#take(block)
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
    )
    const [event, id, data] = [fields.get('event'), fields.get('id'), fields.get('data')]
    if (event && id && data) this.events.push({ event, id, data: JSON.parse(data) })
  }
}
