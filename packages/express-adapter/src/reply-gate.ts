import type { OutgoingHttpHeader } from 'node:http'
import type { Response } from 'express'

/** What is done with a reply. */
export type Verdict =
  /** It goes out as the handler said it. */
  | 'release'
  /** Nothing of it goes out, also of what the handler still says; this answers in its place. */
  | { readonly instead: (res: Response) => void }

/** What makes a reply begin. */
const WORDS = ['writeHead', 'flushHeaders', 'write', 'end'] as const
/** What else a handler may do to it. */
const TOUCHES = [
  'setHeader',
  'setHeaders',
  'appendHeader',
  'removeHeader',
  'addTrailers',
  'writeContinue',
] as const

type Method = (...args: unknown[]) => unknown

/**
 * Keeps a handler's reply back from its first word on until there is a verdict. Where that is there at once, as for a
 * handler that awaits its writes, the reply goes out in the same turn.
 */
export class ReplyGate {
  readonly #res: Response
  readonly #methods: Record<string, Method>
  readonly #original = new Map<string, Method>()
  readonly #headersBefore: Readonly<Record<string, OutgoingHttpHeader | undefined>>
  readonly #judge: () => Promise<Verdict> | Verdict
  readonly #onRelease: () => void
  #kept: (() => unknown)[] = []
  #state: 'silent' | 'judging' | 'released' = 'silent'
  /** True within a call of whoever answers in the handler's place. */
  #speaking = false

  /**
   * @param judge asked once, when the reply begins
   * @param onRelease called before the first word goes out
   */
  constructor(res: Response, judge: () => Promise<Verdict> | Verdict, onRelease: () => void) {
    this.#res = res
    this.#methods = res as unknown as Record<string, Method>
    this.#judge = judge
    this.#onRelease = onRelease
    this.#headersBefore = { ...res.getHeaders() }
  }

  /** From now on nothing that is said goes out by itself. */
  close(): void {
    for (const name of WORDS) {
      this.#original.set(name, this.#methods[name] as Method)
      this.#methods[name] = (...args) => this.#say(name, args)
    }
  }

  #say(name: string, args: unknown[]): unknown {
    if (this.#state === 'silent') this.#begin()
    if (this.#state === 'released') return this.#call(name, args)
    this.#kept.push(() => this.#call(name, args))
    return name === 'write' ? true : this.#res
  }

  #call(name: string, args: unknown[]): unknown {
    return this.#original.get(name)?.apply(this.#res, args)
  }

  #begin() {
    this.#state = 'judging'
    const verdict = this.#judge()
    if (verdict instanceof Promise) void verdict.then((late) => this.#act(late))
    else this.#act(verdict)
  }

  #act(verdict: Verdict) {
    const kept = this.#kept
    this.#kept = []
    if (verdict !== 'release') return verdict.instead(this.#takeAway())
    this.#state = 'released'
    this.#onRelease()
    for (const call of kept) call()
  }

  /** Makes the handler's reply a dead end, and gives the real one, as it was before the handler, to whoever answers now. */
  #takeAway(): Response {
    const res = this.#res
    for (const name of res.getHeaderNames()) res.removeHeader(name)
    for (const [name, value] of Object.entries(this.#headersBefore)) {
      if (value !== undefined) res.setHeader(name, value)
    }
    res.statusCode = 200
    for (const name of TOUCHES) {
      const method = this.#methods[name]
      if (method) this.#original.set(name, method)
    }
    for (const name of this.#original.keys()) {
      this.#methods[name] = (...args) => {
        if (this.#speaking) return this.#call(name, args) // Node's own, within a call of whoever answers
        return name === 'write' ? true : res
      }
    }
    return new Proxy(res, {
      get: (target, key) => {
        if (typeof key === 'string' && this.#original.has(key))
          return (...args: unknown[]) => this.#speak(key, args)
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? (value as Method).bind(target) : value
      },
      set: (target, key, value) => Reflect.set(target, key, value, target),
    })
  }

  #speak(name: string, args: unknown[]): unknown {
    this.#speaking = true
    try {
      return this.#call(name, args)
    } finally {
      this.#speaking = false
    }
  }
}
