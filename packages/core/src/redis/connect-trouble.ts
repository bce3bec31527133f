import type { RedisOptions } from 'ioredis'

/** The connection ended, and nothing says why. */
const CUT = /ECONNRESET|EPIPE|Connection is closed/
const SILENT = /ETIMEDOUT/

/** Why a server cannot be reached, out of all that goes wrong while it is tried again and again. */
export class ConnectTrouble {
  readonly #options: RedisOptions
  #last = ''
  #isAlert = false

  constructor(options: RedisOptions) {
    this.#options = options
  }

  add(error: Error): void {
    const { code = '', reason } = error as NodeJS.ErrnoException & { reason?: string }
    const isAlert = code.startsWith('ERR_SSL_')
    const text = error.message || code || error.name
    // A TLS alert and the reset behind it race each other: the one that says something stays.
    if (this.#isAlert && CUT.test(text)) return
    this.#isAlert = isAlert
    // OpenSSL's messages have its source files in them.
    this.#last = isAlert && reason ? `${reason} (${code})` : text
  }

  /** Fit for messages: without user name and password. */
  get why(): string {
    const what = this.#last || 'no answer'
    const isSilent = this.#last === '' || SILENT.test(this.#last)
    if (this.#options.tls && (isSilent || CUT.test(what)))
      return `${what}. Over TLS: perhaps the server does not speak it, or asks for a client certificate.`
    if (!this.#options.tls && CUT.test(what))
      return `${what}. Without TLS: perhaps the server speaks nothing else.`
    return what
  }
}
