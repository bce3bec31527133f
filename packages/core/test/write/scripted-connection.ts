import type { AppendOutcome, AppendRequest, TermConnection } from '../../src/log/log-store.js'

/** An append that a test has to answer. */
export interface SentAppend {
  readonly request: AppendRequest
  /** The log took it. */
  accept(): void
  answer(outcome: AppendOutcome): void
  /** The reply is lost. */
  lose(): void
}

/** A term's connection whose replies are the test's to give. Only for what the writer sends when. */
export class ScriptedConnection implements TermConnection {
  readonly appends: SentAppend[] = []
  readonly storedTerm = notScripted
  readonly claim = notScripted
  readonly createLog = notScripted
  readonly reSeed = notScripted
  readonly installSnapshot = notScripted
  readonly trim = notScripted
  readonly replicated = notScripted
  readonly synced = notScripted
  readonly #closed = new AbortController()

  get closed(): AbortSignal {
    return this.#closed.signal
  }

  append(request: AppendRequest): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      this.appends.push({
        request,
        accept: () => resolve({ kind: 'appended', first: request.head + 1, timeMs: 1 }),
        answer: resolve,
        lose: () => {
          this.close()
          reject(new Error('Connection is closed.'))
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
