import type { Socket } from 'node:net'
import type { ProxyPath } from './proxy-path.js'

/** Which way bytes go: requests to the server, or replies to the client. */
export type Direction = 'toServer' | 'toClient'

/** What a connection carries: bytes, and at last the end of them. */
export type Item = Buffer | 'end'

/** What happens to the item that has just come through: on its way, kept back for later, or lost. */
export type Fate = 'pass' | 'hold' | 'drop'

/** What a stream asks whoever made it, and tells them. */
export interface StreamRules {
  /** What it goes over. */
  readonly path: ProxyPath
  /** Asked once for each item, when its time has come. */
  fate(item: Item): Fate
  /** So many bytes will never arrive. */
  lost(bytes: number): void
}

/** Where so much waits for a narrow line, the sender waits, too. */
const BUFFER_BYTES = 16 * 1024

/** Something that is not there yet. */
interface Underway {
  readonly item: Item
  dueMs: number
  /** Whether it has the line. Of each connection one item has it, so that they take turns. */
  hasLine: boolean
}

/**
 * One direction of one proxied connection: bytes come in, are delayed, and then meet their fate. It keeps what TCP
 * keeps: order always, and no holes. A stream that has lost bytes carries nothing any more, not even its end.
 */
export class ProxyStream {
  readonly #from: Socket
  readonly #to: Socket
  readonly #rules: StreamRules
  #underway: Underway[] = []
  #timer: NodeJS.Timeout | undefined
  #kept: Item[] = []
  #silent = false
  #ended = false

  /** Reads what comes out of `from`, and writes it to `to`. */
  constructor(from: Socket, to: Socket, rules: StreamRules) {
    this.#from = from
    this.#to = to
    this.#rules = rules
    from.on('data', (chunk: Buffer) => this.#comeIn(chunk))
    // A reset closes the socket without an end.
    for (const event of ['end', 'close']) from.on(event, () => this.#end())
  }

  /** Bytes that are kept back. */
  get heldBytes(): number {
    return this.#kept.reduce((sum, item) => sum + sizeOf(item), 0)
  }

  /** Bytes that are under way. */
  get #waitingBytes(): number {
    return this.#underway.reduce((sum, { item }) => sum + sizeOf(item), 0)
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
    this.#makeRoom()
  }

  #comeIn(chunk: Buffer): void {
    const { path } = this.#rules
    for (const piece of path.pieces(chunk)) this.#arrive(piece)
    if (!path.isNarrow || this.#waitingBytes <= BUFFER_BYTES || this.#from.isPaused()) return
    this.#from.pause()
    path.stalled()
  }

  /** Lets the sender go on once there is room again. */
  #makeRoom(): void {
    if (this.#from.isPaused() && this.#waitingBytes <= BUFFER_BYTES) this.#from.resume()
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
    const { path } = this.#rules
    const delayMs = path.drawMs()
    // Behind others it waits even if the delay has been lifted meanwhile: order always.
    if (delayMs === 0 && !path.isNarrow && this.#underway.length === 0) {
      this.#meetFate(item)
      return
    }
    this.#underway.push({ item, dueMs: performance.now() + delayMs, hasLine: false })
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
      if (!first.hasLine) {
        first.hasLine = true
        first.dueMs = this.#rules.path.take(sizeOf(first.item))
        continue
      }
      this.#underway.shift()
      this.#meetFate(first.item)
      this.#makeRoom()
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
