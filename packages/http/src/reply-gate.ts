import type { ServerResponse } from 'node:http'
import { foldHead, headOf, putHead, type ReplyHead } from './reply-head.js'

/** What is done with a reply. */
export type Verdict =
  /** It goes out as the handler said it. */
  | 'release'
  /** Nothing of it goes out, also of what the handler still says; this answers in its place. */
  | { readonly instead: (res: ServerResponse) => void }

/** What makes a reply begin. */
const WORDS = ['writeHead', 'flushHeaders', 'write', 'end'] as const
/** Those that can only come first. */
const OPENING: readonly string[] = ['writeHead', 'flushHeaders']
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

const gates = new WeakMap<ServerResponse, ReplyGate>()

/**
 * Calls `fn` before the first word of a reply goes out, when its headers can still be set and what it says of the replica
 * covers the request's writes. Not for a reply that takes the handler's place.
 */
export function beforeReply(res: ServerResponse, fn: () => void): void {
  const gate = gates.get(res)
  if (gate) return gate.onRelease(fn)
  const writeHead = res.writeHead.bind(res) as Method
  let called = false
  // Whatever starts a reply, also implicitly, comes through writeHead.
  res.writeHead = ((...args: unknown[]) => {
    if (called || res.headersSent) return writeHead(...args)
    called = true
    const rest = foldHead(res, args)
    fn()
    return writeHead(...rest)
  }) as ServerResponse['writeHead']
}

/**
 * Keeps a handler's reply back from its first word on until there is a verdict. Where that is there at once, as for a
 * handler that awaits its writes, the reply goes out in the same turn.
 */
export class ReplyGate {
  readonly #res: ServerResponse
  readonly #methods: Record<string, Method>
  readonly #original = new Map<string, Method>()
  readonly #before: ReplyHead
  /** As it was when the reply began: what is done to it later is too late. */
  #head: ReplyHead
  readonly #judge: () => Promise<Verdict> | Verdict
  readonly #onRelease: (() => void)[] = []
  #kept: { readonly name: string; readonly args: readonly unknown[] }[] = []
  #state: 'silent' | 'judging' | 'released' | 'taken' = 'silent'
  /** True within a call of whoever answers in the handler's place. */
  #speaking = false

  /**
   * @param judge asked once, when the reply begins
   */
  constructor(res: ServerResponse, judge: () => Promise<Verdict> | Verdict) {
    this.#res = res
    this.#methods = res as unknown as Record<string, Method>
    this.#judge = judge
    this.#before = headOf(res)
    this.#head = this.#before
  }

  /** Calls `fn` before the first word goes out. */
  onRelease(fn: () => void): void {
    this.#onRelease.push(fn)
  }

  /** From now on nothing that is said goes out by itself. */
  close(): void {
    gates.set(this.#res, this)
    for (const name of WORDS) {
      this.#original.set(name, this.#methods[name] as Method)
      this.#methods[name] = (...args) => this.#say(name, args)
    }
  }

  #say(name: string, said: unknown[]): unknown {
    const mayFold = name === 'writeHead' && this.#state !== 'taken' && !this.#res.headersSent
    const args = mayFold ? foldHead(this.#res, said) : said
    if (this.#state === 'silent') this.#begin()
    if (this.#state === 'released') return this.#call(name, args)
    if (this.#state === 'judging') this.#keep(name, args)
    return name === 'write' ? true : this.#res
  }

  /**
   * Whoever sees no headers sent begins anew: a middleware (compression, express-session) the head before each of its words,
   * an error handler a whole reply behind that which has ended. On the connection that would be an error.
   */
  #keep(name: string, args: readonly unknown[]) {
    if (this.#kept.at(-1)?.name === 'end') return
    const isFirst = this.#kept.length === 0
    const opens = OPENING.includes(name)
    if (isFirst || opens) this.#head = headOf(this.#res)
    if (isFirst || !opens) this.#kept.push({ name, args })
  }

  #call(name: string, args: readonly unknown[]): unknown {
    return this.#original.get(name)?.apply(this.#res, [...args])
  }

  #begin() {
    this.#state = 'judging'
    const verdict = this.#judge()
    if (verdict instanceof Promise) void verdict.then((late) => this.#actLate(late))
    else this.#act(verdict)
  }

  #act(verdict: Verdict) {
    if (verdict !== 'release') return verdict.instead(this.#takeAway())
    this.#state = 'released'
    for (const fn of this.#onRelease) fn()
  }

  #actLate(verdict: Verdict) {
    if (verdict === 'release') putHead(this.#res, this.#head)
    const kept = this.#kept
    this.#act(verdict)
    if (verdict !== 'release') return
    this.#kept = []
    try {
      for (const { name, args } of kept) this.#call(name, args)
    } catch (error) {
      // A status that does not exist, say. The handler that would have been told so has returned long ago.
      process.emitWarning(error as Error)
      if (this.#res.headersSent) this.#res.destroy()
      else Object.assign(this.#takeAway(), { statusCode: 500 }).end()
    }
  }

  /** Makes the handler's reply a dead end, and gives the real one, as it was before the handler, to whoever answers now. */
  #takeAway(): ServerResponse {
    const res = this.#res
    this.#state = 'taken'
    this.#kept = []
    putHead(res, this.#before)
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
