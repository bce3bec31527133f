import { join } from 'node:path'
import { createNode, defineStateMachine, type ElectionNode, type NodeOptions } from '@leasehold/core'
import { eventually } from '../support/deadline.js'
import { type Program, startProgram } from '../support/program.js'

const file = join(__dirname, 'counter-member.mjs')

/** Its state is as large after a million writes as after one. */
const counter = defineStateMachine({
  name: 'counter',
  version: 1,
  initial: () => ({ count: 0 }),
  commands: { increment: (state) => ++state.count },
})

export type CounterNode = ReturnType<typeof counterNode>

/** A node in this process. */
export function counterNode(options: NodeOptions) {
  return createNode({ ...options, stateMachine: counter })
}

/** What a process holds on to. */
export interface Footprint {
  readonly heapBytes: number
  /** Kinds of sockets, timers and so on that are open, each as often as there are. */
  readonly resources: readonly string[]
}

/** A node in a process of its own. Made by `startCounterProcess`. */
export class CounterProcess {
  readonly program: Program
  #calls = 0

  constructor(program: Program) {
    this.program = program
  }

  id(): Promise<string> {
    return this.#call('id')
  }

  leads(): Promise<boolean> {
    return this.#call('leads')
  }

  /** The term of the entry; undefined from one that does not lead. */
  write(): Promise<number | undefined> {
    return this.#call('write')
  }

  members(): Promise<Pick<GroupMember, 'id' | 'alive'>[]> {
    return this.#call('members')
  }

  footprint(): Promise<Footprint> {
    return this.#call('footprint')
  }

  async #call<T>(call: string): Promise<T> {
    const id = ++this.#calls
    this.program.send({ id, call })
    return (await this.program.next<{ id: number; reply: T }>((message) => message.id === id)).reply
  }
}

type GroupMember = Awaited<ReturnType<ElectionNode['groupStatus']>>['members'][number]

/** Starts a process and waits until its node has joined. */
export async function startCounterProcess(options: NodeOptions): Promise<CounterProcess> {
  const program = await startProgram({ file }, { env: { NODE_OPTIONS_JSON: JSON.stringify(options) } })
  await program.next(({ started }) => started === true)
  return new CounterProcess(program)
}

/** Has whoever leads write an entry. @returns its term */
export async function writeThrough(group: readonly CounterProcess[]): Promise<number> {
  return eventually(
    async () =>
      (await Promise.all(group.map((process) => process.write()))).find((term) => term !== undefined),
    { message: 'a write' },
  )
}
