/**
 * Every `code` that an error of this library can carry. Codes are stable; match on them rather than on messages.
 * The tables in the docs are made from what stands above each: first what happened, then what to do.
 */
export type ErrorCode =
  // Writes, and requests that make them.
  /** This instance does not lead; nothing was written. Send the write to the leader: `routeWrites` does. */
  | 'NOT_LEADER'
  /** Nobody led until the hold time was over; nothing was written. Send the request again, after `Retry-After`. */
  | 'NO_LEADER'
  /** The write may have taken effect, or may still do so. Read, or repeat it under the same `opId` or `Idempotency-Key`. */
  | 'OUTCOME_UNKNOWN'
  /** Too many writes wait for the log; nothing was written. Slow down and send it again, or raise `maxQueuedWrites`. */
  | 'BUSY'
  /** Redis refused the write, for lack of memory or disk say; nothing was written. Mend Redis, then send it again. */
  | 'LOG_REFUSED'
  /** The command threw a `CommandError`: its answer, the same on every replica. Handle it as an answer of your app. */
  | 'COMMAND_REJECTED'
  /** The command threw something else, which is recorded as the entry's outcome. Correct the command: it is a bug. */
  | 'COMMAND_FAILED'
  /** The idempotency key or operation id belonged to another request; nothing was written. Take a new one for each request. */
  | 'KEY_REUSED'
  /** The state machine has no such command; nothing was written. Correct the name. */
  | 'UNKNOWN_COMMAND'
  /** An argument or a result is not JSON; nothing was written. The message says where in it. */
  | 'NOT_JSON'
  /** The entry is larger than `maxEntryBytes`; nothing was written. Write less at a time, or raise it on every instance. */
  | 'ENTRY_TOO_LARGE'
  /** The body was read before `routeWrites` saw it, and cannot be forwarded. Mount `routeWrites` before what reads it. */
  | 'BODY_CONSUMED'
  /** In mode `'redirect'`: the leader has no address for clients. Give every node a `publicUrl`. */
  | 'NO_PUBLIC_URL'
  // Reads.
  /** This replica could not reach what the read asked for in time. Read elsewhere, or later. */
  | 'LAGGING'
  /** The read carries a position that the log does not have: it was lost, or never was. Forget it, and read without it. */
  | 'LINEAGE_LOST'
  /** This replica was off the log, or computed something else than the others, and rebuilds itself. Read elsewhere, or later. */
  | 'DIVERGED'
  /** Redis lost entries that this replica holds, so it answers local reads only. Wait until they are put back; with `onRedisDataLoss: 'halt'` decide. */
  | 'LOG_LOST'
  /** A newer version of the app, or of these packages, has written what this one does not know. Deploy that version here. */
  | 'VERSION_TOO_OLD'
  // The life of a node.
  /** An option or an argument is wrong. Correct it: the message names each problem, its value and its bound. */
  | 'INVALID_OPTIONS'
  /** The node has not caught up yet. Await `start()`. */
  | 'NOT_STARTED'
  /** The node was stopped. Ask another instance. */
  | 'STOPPED'
  /** `start()` did not get to its end within `startTimeoutMs`, and left nothing running. The message says what it waited for. */
  | 'START_TIMEOUT'
  /** Redis could not be reached. The message names the server and the reason. */
  | 'REDIS_UNREACHABLE'
  /** Redis is too old, or may evict keys. Upgrade it, or set `maxmemory-policy noeviction`. */
  | 'REDIS_UNSUPPORTED'
  /** The Redis user lacks a command, a key or a channel. Add what the message names to its ACL. */
  | 'REDIS_FORBIDDEN'
  /** Another living instance has this name. Give each a name of its own. */
  | 'NAME_TAKEN'
  /** The group belongs to another application (the name of the state machine). Choose another `group`. */
  | 'APP_MISMATCH'
  // Operations.
  /** Leadership did not go where it was to go; nothing was lost. Look at `reason`, and ask again. */
  | 'SWITCHOVER_FAILED'
  /** `rotateSecret()` stands still: an instance did not follow, or Redis did not answer. Call it again; nothing is refused meanwhile. */
  | 'ROTATION_UNFINISHED'
  /** `importSnapshot` was given a file that is of no use; nothing was changed. Take another backup. */
  | 'SNAPSHOT_BAD'
  /** `importSnapshot` was to fill a group that has a log or instances; nothing was changed. Stop them, or say `replace: true`. */
  | 'GROUP_NOT_EMPTY'
  /** It needs a package that is not installed (`prom-client`), or this version or server cannot do it; nothing weaker was done. The message says what to install, or ask for less. */
  | 'NOT_SUPPORTED'
