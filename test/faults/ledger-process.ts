import { join } from 'node:path'
import type { NodeOptions, Warning } from '@leasehold/core'
import { type Keys, keysOf } from '../../packages/core/src/redis/keys.js'
import { eventually } from '../support/deadline.js'
import { newName } from '../support/instances.js'
import { type Program, startProgram } from '../support/program.js'
import type { Answer, Ledger, LedgerHolder } from './ledger.js'
import type { Happening } from './ledger-group.js'

const file = join(__dirname, 'ledger-member.mjs')

/** How a process is at the moment. */
export interface Look {
  readonly leads: boolean
  readonly term: number
  /** Last index that its replica has applied. */
  readonly index: number
  readonly happened: readonly Happening[]
  readonly warnings: readonly Warning[]
}

/** A node in a process of its own. Made by `LedgerProcesses`. */
export class LedgerProcess implements LedgerHolder {
  readonly name: string
  readonly program: Program
  #calls = 0

  constructor(name: string, program: Program) {
    this.name = name
    this.program = program
  }

  /** A process that ends takes its answer along. */
  write(item: string): Promise<Answer> {
    return this.call<Answer>('write', item).catch(({ message }: Error) => ({
      code: 'OUTCOME_UNKNOWN',
      message,
    }))
  }

  ledger(): Promise<Ledger> {
    return this.call('ledger')
  }

  look(): Promise<Look> {
    return this.call('look')
  }

  /** Waits until it leads. */
  async leads(): Promise<Look> {
    return eventually(
      async () => {
        const look = await this.look()
        return look.leads && look
      },
      { message: `${this.name} to lead` },
    )
  }

  /** Has it do one of the `calls` of `ledger-member.mjs`. A call to a process that stands still waits until it goes on. */
  async call<T>(call: string, argument?: unknown): Promise<T> {
    const id = ++this.#calls
    this.program.send({ id, call, argument })
    const { reply } = await this.program.next<{ id: number; reply: T }>((message) => message.id === id)
    return reply
  }
}

/** Processes of one group. Call `stopAll` in `afterAll`. */
export class LedgerProcesses {
  readonly name: string
  readonly keys: Keys
  readonly #options: Partial<NodeOptions>

  constructor(options: Partial<NodeOptions> & Pick<NodeOptions, 'redis'>, name = newName()) {
    this.name = name
    this.keys = keysOf(name)
    this.#options = { heartbeatMs: 200, settleMs: 500, ...options, group: this.name }
  }

  /** Starts a process and waits until its node has joined. */
  async add(name: string, options: Partial<NodeOptions> = {}): Promise<LedgerProcess> {
    const settings = JSON.stringify({ ...this.#options, ...options, name })
    const program = await startProgram({ file }, { env: { NODE_OPTIONS_JSON: settings } })
    await program.next(({ started }) => started === true)
    return new LedgerProcess(name, program)
  }
}
