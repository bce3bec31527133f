/** The least time after which a system sends again what was not acknowledged; it doubles each time. Linux has the same. */
const RETRANSMIT_MS = 200
/** What goes over a narrow line goes in pieces of this size, as packets do. */
const PIECE_BYTES = 1460

/**
 * How long what goes one way through a proxy is under way. All connections of the proxy share it, as they would a line.
 *
 * Lost packets show to an application as TCP shows them: as time. Nothing is missing and nothing overtakes, but what was lost
 * comes once it has been sent again, and everything behind it on its connection waits for that.
 */
export class ProxyPath {
  /** Everything takes so long. */
  delayMs = 0
  #lossRate = 0
  #random: () => number = Math.random
  #bytesPerMs = Infinity
  #freeAtMs = 0
  #sentAgain = 0
  #queued = 0
  #stalls = 0

  /** How often something was lost so far, and sent again. */
  get sentAgain(): number {
    return this.#sentAgain
  }

  /** How often something found the line taken so far. */
  get queued(): number {
    return this.#queued
  }

  /** How often a sender had to wait so far, as the buffer before the line was full. */
  get stalls(): number {
    return this.#stalls
  }

  get isNarrow(): boolean {
    return this.#bytesPerMs < Infinity
  }

  /** Loses what is sent, and sent again, with this probability. */
  loseSome(rate: number, random: () => number): void {
    this.#lossRate = rate
    this.#random = random
  }

  /** Lets no more than this through. */
  limit(bytesPerSecond: number): void {
    this.#bytesPerMs = bytesPerSecond / 1000
  }

  /** Ends all of that; what is under way still takes the time that it was given. */
  heal(): void {
    this.delayMs = 0
    this.#lossRate = 0
    this.limit(Infinity)
  }

  /** How long something that is sent now is under way, without the time that it takes on a narrow line. */
  drawMs(): number {
    let waitMs = 0
    for (let nextMs = RETRANSMIT_MS; this.#random() < this.#lossRate; nextMs *= 2) {
      this.#sentAgain++
      waitMs += nextMs
    }
    return this.delayMs + waitMs
  }

  /** A chunk as it goes over the line. */
  pieces(chunk: Buffer): Buffer[] {
    if (!this.isNarrow) return [chunk]
    const count = Math.ceil(chunk.length / PIECE_BYTES)
    return Array.from({ length: count }, (_, n) => chunk.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES))
  }

  /** Takes the line for a piece, behind whatever others have taken it for. Returns when the piece is through. */
  take(bytes: number): number {
    const nowMs = performance.now()
    if (!this.isNarrow) return nowMs
    if (this.#freeAtMs > nowMs) this.#queued++
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / this.#bytesPerMs
    return this.#freeAtMs
  }

  /** A sender has to wait. */
  stalled(): void {
    this.#stalls++
  }
}
