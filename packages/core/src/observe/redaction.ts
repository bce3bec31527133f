import { types } from 'node:util'

/** Shorter ones would blank out half of every text, and protect nothing. */
const SHORTEST = 3
/** Settings lie no deeper than a client's options of its Sentinels, or the servers of a cluster. */
const DEEPEST = 5
const HIDDEN = '***'

/** The passwords in settings of Redis, in every spelling in which they may turn up. */
export function passwordsIn(settings: unknown, depth = 0): string[] {
  if (typeof settings === 'string') return passwordsOfUrl(settings)
  if (typeof settings !== 'object' || settings === null || depth > DEEPEST) return []
  return Object.entries(settings).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value === 'string')
      return /password|passphrase/i.test(key) ? [value, encodeURIComponent(value)] : passwordsOfUrl(value)
    // Of a client only what it was given: it holds its sockets, and half of the process behind them.
    const isClient = 'duplicate' in settings
    return isClient && key !== 'options' && key !== 'startupNodes' ? [] : passwordsIn(value, depth + 1)
  })
}

function passwordsOfUrl(text: string): string[] {
  if (!URL.canParse(text)) return []
  const { password } = new URL(text)
  return password === '' ? [] : [password, decoded(password)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Makes texts and errors fit to be shown: without the passwords given. */
export class Redaction {
  readonly #secrets: readonly string[]

  constructor(secrets: readonly string[]) {
    const long = secrets.filter((secret) => secret.length >= SHORTEST)
    this.#secrets = [...new Set(long)].toSorted((a, b) => b.length - a.length)
  }

  text(text: string): string {
    return this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text)
  }

  /** A copy of what is to be logged: texts without secrets, errors as `error` makes them. */
  fields(fields: object): object {
    return Object.fromEntries(
      Object.entries(fields).map(([key, value]: [string, unknown]) => [key, this.#value(value)]),
    )
  }

  /**
   * A copy with name, message, code, stack and cause. Nothing else: ioredis hangs the whole command on an error, and its
   * arguments are a password, the group's secret, or what users have written.
   */
  error(error: Error): Error {
    const { code, cause } = error as Error & { code?: unknown }
    const copy = new Error(this.text(error.message))
    Object.defineProperty(copy, 'name', { value: error.name, configurable: true })
    if (error.stack !== undefined) copy.stack = this.text(error.stack)
    const shown = { ...(typeof code === 'string' && { code }) }
    return Object.assign(copy, shown, cause !== undefined && { cause: this.#value(cause) })
  }

  #value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    return isError(value) ? this.error(value) : value
  }
}

/** Whatever realm it is of. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value)
}
