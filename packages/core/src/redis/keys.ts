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
  /** Pattern of the keys by which one finds the queues that there are. */
  readonly anyQueue: string
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
    anyQueue: `${literally(`${prefix}jobs:`)}*:meta`,
    leaseNotices: `${prefix}lease-notices`,
    appended: `${prefix}appended`,
    acknowledgements: `${prefix}acknowledgements`,
    presence: (id) => `${prefix}presence:${id}`,
    anyPresence: `${literally(`${prefix}presence:`)}*`,
  }
}

/** Pattern of a key that every group has, whatever its name. */
export const ANY_GROUP = keysOf('*').meta

/** The group that such a key belongs to. */
export function groupOf(key: string): string | undefined {
  return /\{([^}]*)\}/.exec(key)?.[1]
}

/** The instance whose queue was found by `anyQueue`. */
export function queueOwner(key: string): string {
  return key.split(':').at(-2) ?? ''
}

/** A group's name may contain what Redis takes for a pattern. */
function literally(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, '\\$&')
}
