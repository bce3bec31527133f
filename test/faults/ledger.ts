import { setTimeout as sleep } from 'node:timers/promises'
import { type Committed, defineStateMachine } from '@leasehold/core'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { checkLists } from '../support/check-lists.js'
import { eventually } from '../support/deadline.js'
import type { Operation, Outcome } from '../support/history.js'
import type { RedisServer } from '../support/redis-server.js'

/** A list of items, and the indexes of the entries that put them there: whatever is applied twice stands there twice. */
export interface Ledger {
  items: string[]
  indexes: number[]
}

/** Every write adds one item; only a leader's marker after another life of Redis is an entry without one. */
export const ledger = defineStateMachine({
  name: 'ledger',
  version: 1,
  initial: (): Ledger => ({ items: [], indexes: [] }),
  commands: {
    add(state, item: string, ctx) {
      state.indexes.push(ctx.index)
      return state.items.push(item)
    },
  },
})

/** What the caller of a write was told. */
export type Answer =
  | { readonly code: 'OK'; readonly place: number; readonly index: number; readonly term: number }
  | { readonly code: string; readonly message: string }

/** The answer to a write, which never rejects: a test looks at it when the fault is over. */
export function answerTo(write: Promise<Committed<number>>): Promise<Answer> {
  return write.then(
    ({ result, index, term }) => ({ code: 'OK', place: result, index, term }),
    ({ code, message }: { code?: string; message: string }) => ({ code: code ?? 'NO_CODE', message }),
  )
}

/** An entry as it stands in Redis. */
export interface Logged {
  readonly index: number
  readonly term: number
  readonly item: string
}

/** Reads the writes in the group's log from Redis, past all of the library. */
export async function readLog(redis: RedisServer, group: string): Promise<Logged[]> {
  const entries = (await redis.command('XRANGE', keysOf(group).log, '-', '+')) as [string, string[]][]
  return entries.flatMap(([id, [name = '', data = '']]) => {
    const { a: item, c: command } = JSON.parse(data) as { a: string; c: string }
    const isMarker = command === ''
    return isMarker ? [] : [{ index: Number.parseInt(id, 10), term: Number.parseInt(name, 10), item }]
  })
}

/** Something that takes writes and holds a replica: a node of this process, or a process. */
export interface LedgerHolder {
  readonly name: string
  write(item: string): Promise<Answer>
  ledger(): Promise<Ledger>
}

/** Waits until every replica holds what the log holds, each entry applied once and in order (G5, G6). */
export async function replicasEqualLog(
  redis: RedisServer,
  group: string,
  holders: readonly LedgerHolder[],
): Promise<Logged[]> {
  const log = await readLog(redis, group)
  const last = log.at(-1)?.index ?? 0
  for (const holder of holders) {
    const message = `${holder.name} to reach ${last}`
    const reached = await eventually(
      async () => {
        const held = await holder.ledger()
        return (held.indexes.at(-1) ?? 0) >= last && held
      },
      { message },
    )
    expect(reached).toEqual({ items: log.map(({ item }) => item), indexes: log.map(({ index }) => index) })
  }
  return log
}

/** Writers that run. Made by `startWriters`. */
export interface Writers {
  /** What they have done so far. */
  readonly history: readonly Operation[]
  /** Writes that were acknowledged so far. */
  readonly acknowledged: number
  /** Lets each end its write, and returns the whole history. */
  stop(): Promise<readonly Operation[]>
}

const LIST = 'ledger'

/** Starts writers of unique items, `label` before each; one that is refused goes on with the next of the holders. */
export function startWriters(holders: () => readonly LedgerHolder[], count = 6, label = ''): Writers {
  const history: Operation[] = []
  const stopping = new AbortController()
  const run = async (client: number) => {
    for (let n = 0, at = client; !stopping.signal.aborted; n++) {
      const all = holders()
      const holder = all[at % all.length]
      if (!holder) throw new Error('There is nobody to write to')
      const operation = await observed(holder, client, `${label}${client}-${n}`)
      history.push(operation)
      if (operation.outcome !== 'ok') at++
      // Without a hold on the process: writers that a failed test has left behind must not keep it alive.
      await sleep(operation.outcome === 'ok' ? 1 : 10, undefined, { ref: false })
    }
  }
  const ended = Promise.all(Array.from({ length: count }, (_, client) => run(client)))
  return {
    history,
    get acknowledged() {
      return history.filter(({ outcome }) => outcome === 'ok').length
    },
    async stop() {
      stopping.abort()
      await ended
      return history
    },
  }
}

/** Waits until some more writes have been acknowledged. */
export async function moreWrites(writers: Writers, count = 50): Promise<void> {
  const { acknowledged } = writers
  await eventually(() => writers.acknowledged > acknowledged + count, { message: 'writes to go on' })
}

/** What is wrong between what the writers were told and what the log holds; see `checkLists`. */
export function problemsOf(history: readonly Operation[], log: readonly Logged[]): string[] {
  return checkLists(history, [{ replica: 'log', lists: new Map([[LIST, log.map(({ item }) => item)]]) }])
}

/** As `problemsOf`, by what each holder has come to hold: the log need not have all of it as entries any more. */
export async function problemsHeld(
  history: readonly Operation[],
  holders: readonly LedgerHolder[],
): Promise<string[]> {
  const acknowledged = history.filter(({ outcome }) => outcome === 'ok').length
  const replicas = await Promise.all(
    holders.map(async (holder) => {
      const { items } = await eventually(async () => {
        const held = await holder.ledger()
        return held.items.length >= acknowledged && held
      })
      return { replica: holder.name, lists: new Map([[LIST, items]]) }
    }),
  )
  return checkLists(history, replicas)
}

/** Waits until all hold as much. */
export async function levelled(holders: readonly LedgerHolder[]): Promise<void> {
  await eventually(async () => {
    const counts = await Promise.all(holders.map(async (holder) => (await holder.ledger()).items.length))
    return new Set(counts).size === 1
  })
}

/** No copy of a server gets in any more; whoever else is connected stays. */
export async function shutCopiesOut(server: RedisServer): Promise<void> {
  await server.command('CONFIG', 'SET', 'requirepass', 'a secret')
  await server.command('CLIENT', 'KILL', 'TYPE', 'REPLICA')
}

async function observed(holder: LedgerHolder, client: number, item: string): Promise<Operation> {
  const startMs = performance.now()
  const answer = await holder.write(item)
  const base = { client, kind: 'push', key: LIST, value: item, url: holder.name, startMs } as const
  const ended = { ...base, endMs: performance.now(), outcome: outcomeOf(answer.code), status: undefined }
  if (!('place' in answer)) return { ...ended, reason: answer.code }
  return { ...ended, reason: undefined, position: answer.place, index: answer.index, term: answer.term }
}

/** Any other code is a bug, here or there, and must not pass for an answer. */
function outcomeOf(code: string): Outcome {
  if (code === 'OK') return 'ok'
  if (code === 'OUTCOME_UNKNOWN') return 'unknown'
  if (['NOT_LEADER', 'BUSY', 'STOPPED'].includes(code)) return 'failed'
  throw new Error(`No writer expects ${code}`)
}
