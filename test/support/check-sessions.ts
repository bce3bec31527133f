import { hasWritten, inWords, isRead, json, type Operation } from './history.js'

/** How far something had come when an operation saw it. */
interface Sighting {
  /** The log, a register or a list. */
  readonly of: string
  readonly at: number
  readonly by: Operation
}

/**
 * Checks what each client saw, by itself (G8): no read is older than what the client had read or written before, and no
 * write stands before that. Compared are the indexes that the answers name; and, so that an answer cannot only claim its
 * index, the values: each register by the index of the write that its value came from, each list by its length. What a read
 * found must have been written, under that key, and not only later.
 *
 * It says nothing about what clients owe to one another: that is for the other checks.
 *
 * @returns what is wrong, one sentence each; empty if nothing is
 */
export function checkSessions(history: readonly Operation[]): string[] {
  const writes = new Map<string, Operation>()
  for (const operation of history)
    if (!isRead(operation)) writes.set(place(operation, operation.value), operation)
  const clients = new Set(history.map(({ client }) => client))
  return [...clients].flatMap((client) => {
    const own = history.filter((operation) => operation.client === client && operation.outcome === 'ok')
    return checkClient(
      own.toSorted((a, b) => a.startMs - b.startMs),
      writes,
    )
  })
}

/** The operations of one client, which has one at a time. */
function checkClient(operations: readonly Operation[], writes: ReadonlyMap<string, Operation>): string[] {
  const latest = new Map<string, Sighting>()
  return operations.flatMap((operation) => {
    const sightings = sightingsOf(operation, writes)
    const stale = sightings.find(({ of, at }) => {
      const seen = latest.get(of)
      return seen && (hasWritten(operation) ? at <= seen.at : at < seen.at)
    })
    const problems = [...checkFinding(operation, writes), ...(stale ? [tell(stale, latest)] : [])]
    for (const sighting of sightings)
      if (sighting.at >= (latest.get(sighting.of)?.at ?? 0)) latest.set(sighting.of, sighting)
    return problems
  })
}

/** The log first: who sees too little of it sees too little of all. */
function sightingsOf(by: Operation, writes: ReadonlyMap<string, Operation>): Sighting[] {
  const { kind, key, index, position, present } = by
  const isList = kind === 'push' || kind === 'list'
  const found = present === undefined ? by.value : present
  // The end of an unknown write's time is open; so is its place.
  const at = isList ? position : found === null ? 0 : writes.get(place(by, found))?.index
  return [
    ...(index === undefined ? [] : [{ of: 'the log', at: index, by }]),
    ...(at === undefined ? [] : [{ of: `${isList ? 'list' : 'register'} ${key}`, at, by }]),
  ]
}

/** Whether what a read found can have been there. */
function checkFinding(read: Operation, writes: ReadonlyMap<string, Operation>): string[] {
  if (!isRead(read)) return []
  const { value, index, position } = read
  if (index === undefined) return [`${inWords(read)} does not say at which index`]
  if (value === null) return []
  const write = writes.get(place(read, value))
  if (!write) return [`${inWords(read)} found what nobody wrote there`]
  if (write.outcome === 'failed') return [`${inWords(read)} found what was refused, ${inWords(write)}`]
  if (write.startMs > read.endMs)
    return [`${inWords(read)} found what was not written yet, ${inWords(write)}`]
  if (hasWritten(write) && (write.index ?? 0) > index)
    return [`${inWords(read)} at index ${index} found ${inWords(write)} at ${write.index}`]
  if (hasWritten(write) && write.position !== undefined && write.position !== position)
    return [`${inWords(read)} found at ${position} what stood at ${write.position}, ${inWords(write)}`]
  return []
}

function tell({ of, at, by }: Sighting, latest: ReadonlyMap<string, Sighting>): string {
  const seen = latest.get(of)
  const before = seen && `${seen.at} was seen in ${inWords(seen.by)}`
  return hasWritten(by)
    ? `${inWords(by)} stands at ${at} in ${of}, though before it ${before}`
    : `${inWords(by)} shows ${of} up to ${at}, though before it ${before}`
}

/** A value under a key: the lists' keys are not the registers'. */
function place({ kind, key }: Operation, value: unknown): string {
  return `${kind === 'push' || kind === 'list' ? 'list' : 'register'} ${key} ${json(value)}`
}
