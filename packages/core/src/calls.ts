import type { ArgsOf } from './apply/state-machine.js'
import { OptionChecks } from './option-checks.js'
import type { ResolvedOptions, WriteConcern } from './options.js'
import type { Position } from './position.js'

/** How long a read waits for the log by default. */
export const READ_TIMEOUT_MS = 1000

/** Options of a single write. */
export interface WriteOptions {
  /** When it counts as committed. Default: the node's. */
  readonly writeConcern?: WriteConcern
  /**
   * Makes a repeat with the same id, command and argument take effect once and give the first result, as long as that is
   * kept (`resultsKept`). Default: none; within a request, an id of the request's.
   */
  readonly opId?: string
  /** After how many ms to report its outcome as unknown. At most, and by default, the node's `writeTimeoutMs`. */
  readonly timeoutMs?: number
}

/** How fresh a read has to be. */
export interface ReadOptions {
  /**
   * `'local'`: whatever this replica has. `'session'`: at least `position`. `'linearizable'`: everything that was written
   * before the read began.
   */
  readonly consistency: 'local' | 'session' | 'linearizable'
  /** What the reader has seen already. Without one, a session read is a local one. */
  readonly position?: Position
  /** How long to wait for the log, in ms. Default 1000. */
  readonly timeoutMs?: number
}

/** Where in the log a value was read. */
export interface ReadContext {
  /** The index that the replica had applied when the value was read. */
  readonly index: number
  readonly term: number
}

const CONSISTENCIES: readonly unknown[] = [
  'local',
  'session',
  'linearizable',
] satisfies ReadOptions['consistency'][]

/** The argument of a command, if it takes one, then options. */
export type WriteArguments<F> = [ArgsOf<F>] extends [undefined]
  ? [args?: undefined, options?: WriteOptions]
  : [args: ArgsOf<F>, options?: WriteOptions]

/**
 * The write concern of a write with these options, which are checked, and after how many ms its outcome is unknown.
 *
 * @throws OptionsError naming all that are wrong.
 */
export function checkedWrite(
  options: WriteOptions,
  byDefault: Pick<ResolvedOptions, 'writeConcern' | 'writeTimeoutMs'>,
): Required<Pick<WriteOptions, 'writeConcern' | 'timeoutMs'>> {
  const { writeConcern = byDefault.writeConcern, opId, timeoutMs = byDefault.writeTimeoutMs } = options
  const check = new OptionChecks()
  check.writeConcern(writeConcern)
  if (opId !== undefined && !/^[\x21-\x7e]{1,200}$/.test(opId))
    check.fail('opId', opId, 'must have 1 to 200 printable ASCII characters without spaces')
  check.durationMs('timeoutMs', timeoutMs)
  check.throwIfAny()
  return { writeConcern, timeoutMs: Math.min(timeoutMs, byDefault.writeTimeoutMs) }
}

/**
 * What a read asks for, which is checked: nothing weaker is done instead.
 *
 * @throws OptionsError naming all that are wrong.
 */
export function checkedRead(options: ReadOptions): ReadOptions & { readonly timeoutMs: number } {
  const { consistency, timeoutMs = READ_TIMEOUT_MS } = options
  const check = new OptionChecks()
  if (!CONSISTENCIES.includes(consistency))
    check.fail('consistency', consistency, "must be 'local', 'session' or 'linearizable'")
  check.durationMs('timeoutMs', timeoutMs)
  check.throwIfAny()
  return { ...options, timeoutMs }
}
