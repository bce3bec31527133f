import type { Socket } from 'node:net'

/** Which way bytes go: requests to the server, or replies to the client. */
export type Direction = 'toServer' | 'toClient'

/** What a connection carries: bytes, and at last the end of them. */
export type Item = Buffer | 'end'

/** What happens to the item that has just come through: on its way, kept back for later, or lost. */
export type Fate = 'pass' | 'hold' | 'drop'

/** What a stream asks whoever made it, and tells them. */
export interface StreamRules {
  /** How long an item that comes in now is under way. */
  delayMs(): number
  /** Asked once for each item, when its time has come. */
  fate(item: Item): Fate
  /** So many bytes will never arrive. */
  lost(bytes: number): void
}

/**
 * One direction of one proxied connection: bytes come in, are delayed, and then meet their fate. It keeps what TCP
 * keeps: order always, and no holes. A stream that has lost bytes carries nothing any more, not even its end.
 */
export class ProxyStream {
  readonly #to: Socket
  readonly #rules: StreamRules
  #underway: { item: Item; dueMs: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #kept: Item[] = []
  #silent = false
  #ended = false

  /** Reads what comes out of `from`, and writes it to `to`. */
  constructor(from: Socket, to: Socket, rules: StreamRules) {
    this.#to = to
    this.#rules = rules
    from.on('data', (chunk: Buffer) => this.#arrive(chunk))
    // A reset closes the socket without an end.
    for (const event of ['end', 'close']) from.on(event, () => this.#end())
  }

  /** Bytes that are kept back. */
  get heldBytes(): number {
    return this.#kept.reduce((sum, item) => sum + sizeOf(item), 0)
  }

  /** Passes on what was kept back. */
  release(): void {
    for (const item of this.#kept.splice(0)) this.pass(item)
  }

  /** From now on everything is lost, also what is kept back or under way. */
  silence(): void {
    this.#silent = true
    for (const item of this.#kept.splice(0)) this.#lose(item)
    for (const { item } of this.#underway.splice(0)) this.#lose(item)
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#arrive('end')
  }

  #arrive(item: Item): void {
    if (this.#silent) {
      this.#lose(item)
      return
    }
    const delayMs = this.#rules.delayMs()
    // Behind others it waits even if the delay has been lifted meanwhile: order always.
    if (delayMs === 0 && this.#underway.length === 0) {
      this.#meetFate(item)
      return
    }
    this.#underway.push({ item, dueMs: performance.now() + delayMs })
    this.#timer ??= setTimeout(() => this.#deliverDue(), delayMs)
  }

  #deliverDue(): void {
    this.#timer = undefined
    for (let first = this.#underway[0]; first; first = this.#underway[0]) {
      const leftMs = first.dueMs - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#deliverDue(), leftMs)
        return
      }
      this.#underway.shift()
      this.#meetFate(first.item)
    }
  }

  #meetFate(item: Item): void {
    const fate = this.#rules.fate(item)
    if (fate === 'pass') this.pass(item)
    else if (fate === 'hold') this.#kept.push(item)
    else {
      this.#lose(item)
      this.silence()
    }
  }

  /** Writes to the other side, past all rules. */
  pass(item: Item): void {
    if (this.#to.destroyed || this.#to.writableEnded) return
    if (item === 'end') this.#to.end()
    else this.#to.write(item)
  }

  #lose(item: Item): void {
    this.#rules.lost(sizeOf(item))
  }
}

function sizeOf(item: Item): number {
  return item === 'end' ? 0 : item.length
}
