import { Turns } from './turns.js'

/**
 * Shares calls: whoever asks while one is under way gets the next, together with all others who ask until that begins. So
 * each gets one that began after it asked, and there is never more than one on the way.
 */
export class SharedCall<T> {
  readonly #call: () => Promise<T>
  readonly #turns: Turns
  #next: Promise<T> | undefined

  /** @param turns those of all calls that must not be on the way together; by default, of this one alone */
  constructor(call: () => Promise<T>, turns = new Turns()) {
    this.#call = call
    this.#turns = turns
  }

  /** The result of a call that begins after this one. */
  ask(): Promise<T> {
    return (this.#next ??= this.#turns.take(() => {
      this.#next = undefined
      return this.#call()
    }))
  }
}
