/**
 * The only place where a Redis key or channel is spelled. The braces are the Cluster hash tag: all keys of a group lie
 * in one slot, so that scripts and BullMQ may use them together.
 */
export interface Keys {
  readonly lease: string
  readonly meta: string
  readonly log: string
  readonly terms: string
  readonly members: string
  /** The last changes of leader. */
  readonly changes: string
  /** A snapshot: its chunks by number, and its head. */
  snapshot(id: string): string
  /** BullMQ's prefix; one queue per instance below it, named by the instance's id. */
  readonly jobs: string
  /** Channel on the lease nodes: the lease was given back, or somebody leads. */
  readonly leaseNotices: string
  /** Sharded channel on the log's Redis: what is appended. In a Cluster it goes to the server of the slot alone. */
  readonly appended: string
  /** Channel on the log's Redis: how far followers are. */
  readonly acknowledgements: string
  /** Channel on the log's Redis and on the lease nodes to which an instance is subscribed as long as its process lives. */
  readonly presence: (id: string) => string
  /** Pattern of all these channels. */
  readonly anyPresence: string
}

export function keysOf(group: string): Keys {
  const prefix = `leasehold:{${group}}:`
  return {
    lease: `${prefix}lease`,
    meta: `${prefix}meta`,
    log: `${prefix}log`,
    terms: `${prefix}terms`,
    members: `${prefix}members`,
    changes: `${prefix}changes`,
    snapshot: (id) => `${prefix}snapshot:${id}`,
    jobs: `${prefix}jobs`,
    leaseNotices: `${prefix}lease-notices`,
    appended: `${prefix}appended`,
    acknowledgements: `${prefix}acknowledgements`,
    presence: (id) => `${prefix}presence:${id}`,
    // A group's name may contain what PUBSUB takes for a pattern.
    anyPresence: `${`${prefix}presence:`.replaceAll(/[\\*?[\]]/g, '\\$&')}*`,
  }
}
