import type { ChangeReason } from '../events.js'

/** A granted lease: the right to try to lead until `deadlineMs` on the own monotonic clock. */
export interface Lease {
  /** What stands in Redis: unique to this grant. */
  readonly value: string
  /** Monotonic time from which the holder must not act on it any more; taken before the request was sent. */
  readonly deadlineMs: number
}

/** What a look at the lease found. */
export interface LeaseLook {
  /** Milliseconds until a majority of the nodes is free of it, if nobody renews: 0 means vacant. */
  readonly vacantInMs: number
}

/** What instances tell each other of the lease. */
export type LeaseNotice =
  /** It was given back, or taken away from its holder. */
  | { readonly kind: 'vacant'; readonly reason: ChangeReason | undefined; readonly heir: string | undefined }
  /** Somebody leads now. */
  | { readonly kind: 'taken' }
  /** There are orders to look at, and everybody is to say at once how far it is. */
  | { readonly kind: 'orders' }

/** Watches over this thread for as long as a lease is held. Made by `LeaseStore.guard`. */
export interface LeaseGuard {
  /** True from when another thread gave the lease back, which it says before it does so: never renew it then. */
  readonly gaveBack: boolean
  /** The lease is over, or is about to be given back from here: nobody else gives it back from now on. */
  end(): void
}

/**
 * Grants the lease to one holder at a time, as far as clocks and networks allow. It decides who tries; no promise but
 * liveness (G10) rests on it.
 */
export interface LeaseStore {
  open(signal: AbortSignal): Promise<void>
  /** One attempt. Undefined if it is held, or came too late to be of use. */
  acquire(): Promise<Lease | undefined>
  /** One renewal. Undefined if the lease is lost; rejects if that could not be found out. */
  renew(lease: Lease): Promise<Lease | undefined>
  /** Gives it back, once no renewal is under way that could bring it to life again, and tells everybody why. */
  release(lease: Lease, reason?: ChangeReason): Promise<void>
  /**
   * Has another thread give the lease back should this one hang, so that nobody waits until it runs out (G10). Calls
   * `gaveBack` when this thread goes on and finds that so; until `end` is called.
   */
  guard(lease: Lease, gaveBack: () => void): LeaseGuard
  /** How long it is still held. Rejects if no majority answers. */
  look(): Promise<LeaseLook>
  /**
   * Whether the process of an instance lives: true while a majority of the nodes has its presence; false once a majority
   * has it no longer, as seen on connections that had seen it and have not broken since. Else nothing can be said.
   */
  isPresent(id: string): Promise<boolean | undefined>
  /**
   * Takes exactly this lease from its holder, whose process is gone, and tells everybody, and who should run first. False
   * if it was not there.
   */
  depose(leaseValue: string, heir: string | undefined): Promise<boolean>
  /** Tells everybody that somebody leads now, so that they look at the log. */
  announceLeader(): void
  /** Tells everybody that there are orders to look at, and to say at once how far they are. */
  announceOrders(): void
  /** Listens for what others tell. */
  onNotice(listener: (notice: LeaseNotice) => void): void
  close(): Promise<void>
}

/** How much of a lease is kept back: max(50 ms, 10 %), so that a holder stops before anyone else can begin (G10). */
function marginOf(ttlMs: number): number {
  return Math.max(50, ttlMs * 0.1)
}

/** When the holder of a lease that was asked for at `startedMs` must not act on it any more (G10). */
export function deadlineOf(startedMs: number, ttlMs: number): number {
  return startedMs + ttlMs - marginOf(ttlMs)
}
