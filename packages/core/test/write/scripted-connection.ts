import type { AppendOutcome, AppendRequest, TermConnection } from '../../src/log/log-store.js'

/** An append that a test has to answer. */
export interface SentAppend {
  readonly request: AppendRequest
  /** The log took it. */
  accept(): void
  answer(outcome: AppendOutcome): void
  /** The reply is lost, and with the connection those to all that were sent behind it. */
  lose(): void
}

/** A term's connection whose replies are the test's to give. Only for what the writer sends when. */
export class ScriptedConnection implements TermConnection {
  readonly appends: SentAppend[] = []
  readonly worthAnAppend = 64
  readonly storedTerm = notScripted
  readonly claim = notScripted
  readonly createLog = notScripted
  readonly reSeed = notScripted
  readonly installSnapshot = notScripted
  readonly trim = notScripted
  readonly replicated = notScripted
  readonly synced = notScripted
  readonly #closed = new AbortController()
  readonly #waiting: ((error: Error) => void)[] = []

  get closed(): AbortSignal {
    return this.#closed.signal
  }

  append(request: AppendRequest): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(reject)
      this.appends.push({
        request,
        accept: () => resolve({ kind: 'appended', first: request.head + 1, timeMs: 1 }),
        answer: resolve,
        lose: () => {
          this.close()
          for (const lost of this.#waiting) lost(new Error('Connection is closed.'))
        },
      })
    })
  }

  close(): void {
    this.#closed.abort()
  }
}

function notScripted(): never {
  throw new Error('not scripted')
}
