import { CommandError, CommandFailedError, LeaseholdError } from '../errors.js'
import { type Entry } from '../log/entry.js'
import { createContext, type Ctx } from './context.js'
import type { AsJson } from './json.js'

/**
 * Commands by name. A command changes the state in place and may return a value; it takes one JSON argument or none.
 * It must not be async, and must compute from its inputs alone.
 */
export type Commands<S> = Record<string, (state: S, args: never, ctx: Ctx) => unknown>

/** The argument of a command: `undefined` where it takes none. */
export type ArgsOf<F> = F extends (state: never, args: infer A, ctx: never) => unknown
  ? unknown extends A
    ? undefined
    : A
  : undefined

/** What a command returns. */
export type ResultOf<F> = F extends (...all: never[]) => infer R ? R : never

/** `any`, which could be anything, and `never`, which a command that only throws returns. */
type Unknowable<T> = 0 extends 1 & T ? true : [T] extends [never] ? true : false

/** Why a command could not work; never for one that can. */
type ProblemOf<F> =
  Unknowable<ResultOf<F>> extends true
    ? ProblemOfArgs<F>
    : ResultOf<F> extends PromiseLike<unknown>
      ? 'A command must not be async: every replica must compute the same from the entry alone'
      : [ResultOf<F>] extends [AsJson<ResultOf<F>> | void]
        ? ProblemOfArgs<F>
        : 'The result of a command must be JSON'

type ProblemOfArgs<F> = [ArgsOf<F>] extends [AsJson<ArgsOf<F>>]
  ? never
  : 'The argument of a command must be JSON'

/** Refuses at compile time what could not work, with a type that no function has and that names the reason. */
export type CheckedCommands<C> = {
  [K in keyof C]: [ProblemOf<C[K]>] extends [never] ? unknown : { error: ProblemOf<C[K]> }
}

/** A state machine as `defineStateMachine` checked it. */
export interface StateMachineDefinition<S, C extends Commands<S>> {
  /** Names the application; two that differ cannot share a group. */
  readonly name: string
  /**
   * Rises when code from before must not go on by itself with what the new code writes: it halts at the first entry of a
   * higher version. Commands keep their meaning, whatever the version: entries stay. See docs/rolling-deploys.md.
   */
  readonly version: number
  /** The state before the first entry. Called once for each replica and rebuild. Never changes while there is a log. */
  readonly initial: () => S
  readonly commands: C
}

/**
 * Describes the data that a group replicates and the commands that change it.
 *
 * Check first, change after: a command that throws after it changed something leaves that change, on every replica alike.
 *
 * @example
 * ```ts
 * const bank = defineStateMachine({
 *   name: 'bank',
 *   version: 1,
 *   initial: () => ({ accounts: {} as Record<string, number> }),
 *   commands: {
 *     deposit(state, { to, amount }: { to: string; amount: number }) {
 *       return (state.accounts[to] = (state.accounts[to] ?? 0) + amount)
 *     },
 *   },
 * })
 * ```
 * @throws LeaseholdError `INVALID_OPTIONS` if the name, the version or the name of a command is not usable.
 */
export function defineStateMachine<S, C extends Commands<S> & CheckedCommands<C>>(definition: {
  name: string
  version: number
  initial: () => S
  commands: C
}): StateMachineDefinition<S, C> {
  const { name, version, initial, commands } = definition
  if (typeof name !== 'string' || !/^[^:{}\s]{1,128}$/.test(name)) {
    throw new LeaseholdError(
      'INVALID_OPTIONS',
      `A state machine's name must be 1 to 128 characters without colons, braces or white space, not ${JSON.stringify(name)}.`,
    )
  }
  if (!Number.isInteger(version) || version < 1) {
    throw new LeaseholdError(
      'INVALID_OPTIONS',
      `A state machine's version must be a whole number from 1, not ${String(version)}.`,
    )
  }
  if (Object.hasOwn(commands, ''))
    throw new LeaseholdError('INVALID_OPTIONS', "A command's name must not be empty.")
  return Object.freeze({ name, version, initial, commands })
}

/** What became of an entry on a replica: the same on all of them. */
export type Outcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: CommandError | CommandFailedError }

/**
 * What the applier drives. The library's own is `LocalState`; the interface is what a store of the user's own will
 * implement. Everything is synchronous: an entry is applied or it is not.
 */
export interface StateMachine {
  readonly name: string
  readonly version: number
  /** True if the machine knows the command. Asked on the leader before it is appended, and on all before it is applied. */
  knows(command: string): boolean
  /** Runs one entry. A command that throws is an outcome, never an exception of this method. */
  apply(entry: Entry): Outcome
  /** The whole state as a JSON value. It is read piece by piece, and not changed meanwhile. */
  snapshot(): unknown
  /** Takes over a state that `snapshot` gave. */
  restore(state: unknown): void
  /** Goes back to the state before the first entry. */
  reset(): void
  /**
   * The state as it is in memory, and the names of its properties before the first entry, so that the audit can look at
   * parts of it. Absent where the state is not in memory.
   */
  readonly live?: { readonly state: unknown; readonly fields: readonly string[] }
}

/** A state machine whose state is a value in memory. */
export class LocalState<S, C extends Commands<S>> implements StateMachine {
  readonly #definition: StateMachineDefinition<S, C>
  readonly #fields: readonly string[]
  #state: S

  constructor(definition: StateMachineDefinition<S, C>) {
    this.#definition = definition
    this.#state = definition.initial()
    const isObject = typeof this.#state === 'object' && this.#state !== null && !Array.isArray(this.#state)
    this.#fields = isObject ? Object.keys(this.#state as object) : []
  }

  get name(): string {
    return this.#definition.name
  }

  get version(): number {
    return this.#definition.version
  }

  get state(): S {
    return this.#state
  }

  get live(): { readonly state: unknown; readonly fields: readonly string[] } {
    return { state: this.#state, fields: this.#fields }
  }

  knows(command: string): boolean {
    return Object.hasOwn(this.#definition.commands, command)
  }

  apply(entry: Entry): Outcome {
    const { commands } = this.#definition
    try {
      if (!Object.hasOwn(commands, entry.command))
        throw new TypeError('this version of the app has no such command')
      const run = commands[entry.command] as (state: S, args: unknown, ctx: Ctx) => unknown
      const result = run(this.#state, entry.args, createContext(entry))
      if (isPromise(result)) throw new TypeError('a command must not be async')
      return { ok: true, result }
    } catch (error) {
      if (error instanceof CommandError) return { ok: false, error }
      return { ok: false, error: new CommandFailedError(entry.command, error) }
    }
  }

  snapshot(): unknown {
    return this.#state
  }

  restore(state: unknown): void {
    this.#state = state as S
  }

  reset(): void {
    this.#state = this.#definition.initial()
  }
}

/** Whether a command was async after all. What becomes of its promise is looked at, lest a rejection end the process. */
function isPromise(result: unknown): boolean {
  if (typeof (result as PromiseLike<unknown> | null)?.then !== 'function') return false
  void Promise.resolve(result).catch(() => {})
  return true
}
