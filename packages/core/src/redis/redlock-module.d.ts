/**
 * The little of redlock 5.0.0-beta.2 that is used here. Its own types are not in its `exports`, so `nodenext` does not
 * find them; these stay inside the package and never reach its public declarations.
 */
declare module 'redlock' {
  export interface ExecutionStats {
    readonly membershipSize: number
    readonly quorumSize: number
    readonly votesFor: ReadonlySet<unknown>
    readonly votesAgainst: ReadonlyMap<unknown, Error>
  }

  /** One that reached a quorum; an error of one that did not has the same. */
  export interface Operation {
    readonly attempts: readonly Promise<ExecutionStats>[]
  }

  export class Lock implements Operation {
    readonly value: string
    readonly attempts: readonly Promise<ExecutionStats>[]
    expiration: number
  }

  interface Settings {
    readonly driftFactor?: number
    readonly retryCount?: number
    readonly retryDelay?: number
    readonly retryJitter?: number
  }

  export default class Redlock {
    constructor(
      clients: Iterable<unknown>,
      settings?: Settings,
      scripts?: { readonly extendScript?: (script: string) => string },
    )
    acquire(resources: string[], durationMs: number): Promise<Lock>
    extend(lock: Lock, durationMs: number): Promise<Lock>
    release(lock: Lock): Promise<Operation>
    on(event: 'error', listener: (error: Error) => void): this
  }
}
