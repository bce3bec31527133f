import { AsyncLocalStorage } from 'node:async_hooks'
import { NotLeaderError, type RequestScope, type Since } from '@leasehold/core'
import { StandInNode } from './stand-in-node.js'

/** A stand-in with writes that are known by their request, as a node with a state machine has them. */
export class RepeatingNode extends StandInNode {
  seenHead: Since | undefined = { term: 2, index: 7 }
  readonly #scopes = new AsyncLocalStorage<RequestScope>()
  /** The requests whose handlers ran here, as they are known. */
  readonly ran: RequestScope['identity'][] = []
  /** What a write answers; by default its place, or that this instance does not lead. */
  answer = async (opId: string): Promise<string> => {
    if (!this.isLeader) throw new NotLeaderError(this.leader)
    return opId
  }

  runRequest<T>(scope: RequestScope, handler: () => T): T {
    this.ran.push(scope.identity)
    return this.#scopes.run(scope, handler)
  }

  write(): Promise<string> {
    const scope = this.#scopes.getStore()
    if (!scope) return Promise.reject(new Error('This write has no request'))
    const answer = this.answer(scope.nextOperation('put').opId)
    scope.began(answer)
    answer.catch(() => {})
    return answer
  }
}
