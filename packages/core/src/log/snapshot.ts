import type { TermRow } from './history.js'

/** What identifies a snapshot and lets it be checked: a whole replica at one index. */
export interface SnapshotHead {
  readonly id: string
  readonly logId: string
  readonly index: number
  /** Term of the entry at `index`. */
  readonly term: number
  /** Log time of that entry, in ms. */
  readonly timeMs: number
  /** Terms of the entries up to `index`. */
  readonly terms: readonly TermRow[]
  /** The newest version of the app among those that wrote the entries in it; not that of the instance that made it. */
  readonly version: number
  readonly chunks: number
  /** Bytes of all chunks. */
  readonly bytes: number
  /** SHA-256 over all chunks in order, in hex. */
  readonly sha256: string
}

/** Where snapshots are kept, in chunks. One that was not switched in disappears by itself. */
export interface SnapshotStore {
  writeChunk(id: string, number: number, chunk: Buffer): Promise<void>
  /** Stores the head; the snapshot is complete then. */
  writeHead(head: SnapshotHead): Promise<void>
  /** Undefined if there is no such snapshot, or not all of it. */
  readHead(id: string): Promise<SnapshotHead | undefined>
  readChunk(id: string, number: number): Promise<Buffer | undefined>
}

/** Values with more parts than this are written in several records, so that none takes long. */
const RECORD_NODES = 512

/** A property of an object, or an item of an array. */
type Part = readonly [key: string | number, value: unknown]

/** Where a part goes: the keys from the root. */
type Path = readonly (string | number)[]

/**
 * One line of a snapshot: `[path, value]` sets the value there; `[path, entries, 1]` adds entries to the object, or
 * items to the array, that an earlier record has put there.
 */
type SnapshotRecord = readonly [path: Path, value: unknown, merge?: 1]

/**
 * A JSON value as lines that can be written, and read back, one at a time: however large the state is, each takes well
 * under a millisecond. The order of keys is kept.
 */
export function* writeRecords(value: unknown, path: Path = []): Generator<string> {
  if (isSmall(value)) {
    yield line([path, value])
    return
  }
  const isList = Array.isArray(value)
  yield line([path, isList ? [] : {}])
  let group: Part[] = []
  for (const part of partsOf(value as object)) {
    const [key, item] = part
    const small = isSmall(item)
    if (small) group.push(part)
    if (group.length > 0 && (!small || group.length === RECORD_NODES)) {
      yield line([path, isList ? group.map(([, each]) => each) : fromParts(group), 1])
      group = []
    }
    if (!small) yield* writeRecords(item, [...path, key])
  }
  if (group.length > 0) yield line([path, isList ? group.map(([, each]) => each) : fromParts(group), 1])
}

/** Puts a value together from its records. */
export class RecordReader {
  #root: unknown

  get value(): unknown {
    return this.#root
  }

  read(text: string): void {
    const [path, value, merge] = JSON.parse(text) as SnapshotRecord
    if (merge) {
      const target = path.reduce(
        (at: unknown, key) => (at as Record<string | number, unknown>)[key],
        this.#root,
      )
      if (Array.isArray(target)) for (const item of value as unknown[]) target.push(item)
      else for (const [key, item] of Object.entries(value as object)) put(target as object, key, item)
      return
    }
    const last = path.at(-1)
    if (last === undefined) {
      this.#root = value
      return
    }
    const parent = path
      .slice(0, -1)
      .reduce((at: unknown, key) => (at as Record<string | number, unknown>)[key], this.#root)
    put(parent as object, last, value)
  }
}

/** As an own property, whatever the key: plain assignment of `__proto__` would change the prototype instead. */
function put(target: object, key: string | number, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    ;(target as Record<string | number, unknown>)[key] = value
  }
}

function fromParts(parts: readonly Part[]): object {
  const target = {}
  for (const [key, value] of parts) put(target, key, value)
  return target
}

/** One by one: a list of all entries of a large state would take as long as the state itself. */
function* partsOf(container: object): Generator<Part> {
  if (Array.isArray(container)) {
    yield* container.entries()
    return
  }
  for (const key in container)
    if (Object.hasOwn(container, key)) yield [key, (container as Record<string, unknown>)[key]]
}

function line(record: SnapshotRecord): string {
  return JSON.stringify(record)
}

/** Whether a value has at most `RECORD_NODES` parts, found out without looking at more of them. */
function isSmall(value: unknown): boolean {
  let left = RECORD_NODES
  const fits = (part: unknown): boolean => {
    if (--left < 0) return false
    if (typeof part !== 'object' || part === null) return true
    for (const [, item] of partsOf(part)) if (!fits(item)) return false
    return true
  }
  return fits(value)
}
