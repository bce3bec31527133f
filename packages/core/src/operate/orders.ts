/** A switchover that somebody asked for. */
export interface SwitchoverOrder {
  readonly id: string
  /** Name or id of the instance that is to lead; empty for the best one. */
  readonly to: string
  /** Who had claimed last when it was asked for. */
  readonly from: string
  /** Ms that it may still take. */
  readonly leftMs: number
  /** Empty while it is under way; then `done`, or a reason and a sentence. */
  readonly outcome: string
}

/** What operators have ordered, and what came of it. */
export interface Orders {
  /** Whether the group is paused: nobody takes over by itself. */
  readonly paused: boolean
  /** Ms until the pause ends by itself; undefined if it does not. */
  readonly pauseLeftMs: number | undefined
  /** Who has claimed last; undefined if nobody has. */
  readonly claimantId: string | undefined
  /** Whom the leader named to follow it, and for how long the others let it go first. */
  readonly heir: { readonly id: string; readonly leftMs: number } | undefined
  readonly switchover: SwitchoverOrder | undefined
}

/**
 * Where orders stand: beside the log, so that they outlive the instances, every instance can give them, and the next
 * leader finds what the one before left undone. No promise but liveness rests on them.
 */
export interface OrderStore {
  read(): Promise<Orders>
  /** Asks for a switchover. False if another one is under way. */
  orderSwitchover(id: string, to: string, withinMs: number): Promise<boolean>
  /** Says what became of it, if nobody has said so before. */
  endSwitchover(id: string, outcome: string): Promise<boolean>
  /** As the leader of that claim, names the heir. False if somebody else has claimed. */
  nameHeir(claim: { readonly term: number; readonly nonce: string }, id: string, ms: number): Promise<boolean>
  /** Pauses the group, for so many ms or until `resume`. */
  pause(forMs: number | undefined): Promise<void>
  resume(): Promise<void>
}
