import type { Draws } from './draws.js'
import type { Loss } from './journal.js'
import type { Stage, StageOptions } from './stage.js'

/** What a machine must have for a row to run. */
export type Need = 'gcc' | 'namespaces'

/** What a row has to show for itself once its fault is over. */
export interface Bite {
  /** How often the fault did what it is there for. A run in which one of these is 0 proves nothing, and is invalid. */
  readonly bit: Readonly<Record<string, number>>
  /** What Redis lost for good, where no instance was left that had it. */
  readonly loss?: Loss
  /** Whether an instance may find itself off the log's history, if it says so. */
  readonly mayDiverge?: boolean
  /** When two servers took writes at a time: what was read then is no part of one history. */
  readonly apart?: readonly Apart[]
  /** Whether no request at all may fail. */
  readonly isSeamless?: boolean
}

/** When some were with another server than others. */
export interface Apart {
  /** The id of the instance that was by itself, and answered whom others sent to it, too; anyone may have been, if left out. */
  readonly id?: string
  readonly fromMs: number
  readonly untilMs: number
}

/** A row of the fault matrix: one kind of fault, drawn anew from each seed. */
export interface Row {
  /** As in docs/fault-matrix.md. */
  readonly id: string
  readonly fault: string
  readonly needs?: readonly Need[]
  /** How the group is set up that the fault will hit. */
  readonly stage?: (draw: Draws) => StageOptions | Promise<StageOptions>
  /** Does it, under load, and ends it. */
  readonly inject: (stage: Stage) => Promise<Bite>
}
