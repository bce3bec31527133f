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

/**
 * How long a snapshot stays from the moment when it is not needed any more, or not yet: one that was replaced twice, and
 * one that nobody switched in. Whoever loads it puts that off with each chunk, so it stays until nobody does.
 */
export const UNNEEDED_TTL_S = 60

/** Where snapshots are kept, in chunks. One that was not switched in disappears by itself. */
export interface SnapshotStore {
  writeChunk(id: string, number: number, chunk: Buffer): Promise<void>
  /** Stores the head; the snapshot is complete then. */
  writeHead(head: SnapshotHead): Promise<void>
  /** Undefined if there is no such snapshot, or not all of it. */
  readHead(id: string): Promise<SnapshotHead | undefined>
  readChunk(id: string, number: number): Promise<Buffer | undefined>
}

/** What weighs more than this is written in several records, so that none takes long: so many values, or that much text. */
const RECORD_WEIGHT = 512
/** Characters of text that weigh as much as a value. */
const CHARACTERS_OF_WEIGHT = 128

/** A property of an object, or an item of an array. */
type Part = readonly [key: string | number, value: unknown]

/** Where a part goes: the keys from the root. */
export type Path = readonly (string | number)[]

/**
 * One line of a snapshot: `[path, value]` sets the value there; `[path, entries, 1]` adds entries to the object, or
 * items to the array, that an earlier record has put there.
 */
export type SnapshotRecord = readonly [path: Path, value: unknown, merge?: 1]

/** The keys of large objects that were listed already. */
type KnownKeys = WeakMap<object, readonly string[]>

/**
 * A JSON value as lines that can be written, and read back, one at a time: however large the state is, each takes well
 * under a millisecond, unless a single text in it is large. The order of keys is kept. Only the keys of one object are
 * listed at once, for want of another way: a fraction of a second for a million of them.
 */
export function* writeRecords(
  value: unknown,
  path: Path = [],
  known: KnownKeys = new WeakMap(),
): Generator<string> {
  if (typeof value !== 'object' || value === null || weightOf(value, known) <= RECORD_WEIGHT) {
    yield line([path, value])
    return
  }
  const isList = Array.isArray(value)
  const together = (parts: readonly Part[]) => (isList ? parts.map(([, each]) => each) : fromParts(parts))
  yield line([path, isList ? [] : {}])
  let group: Part[] = []
  let groupWeight = 0
  for (const part of partsOf(value, known)) {
    const [key, item] = part
    const weight = textWeight(key) + weightOf(item, known)
    if (group.length > 0 && groupWeight + weight > RECORD_WEIGHT) {
      yield line([path, together(group), 1])
      group = []
      groupWeight = 0
    }
    if (weight > RECORD_WEIGHT) yield* writeRecords(item, [...path, key], known)
    else {
      group.push(part)
      groupWeight += weight
    }
  }
  if (group.length > 0) yield line([path, together(group), 1])
}

/** Where a record belongs, found without reading all of it. */
export function pathOf(record: string): Path {
  const [, path = '[]'] = /^\[(\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\])/.exec(record) ?? []
  return JSON.parse(path) as Path
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
function* partsOf(container: object, known: KnownKeys): Generator<Part> {
  if (Array.isArray(container)) {
    yield* container.entries()
    return
  }
  for (const key of keysOf(container, known)) yield [key, (container as Record<string, unknown>)[key]]
}

/** Listed once for each object: with many keys that holds the event loop, and `for … in` lists them all as well. */
function keysOf(container: object, known: KnownKeys): readonly string[] {
  const listed = known.get(container)
  if (listed) return listed
  const keys = Object.keys(container)
  if (keys.length > RECORD_WEIGHT) known.set(container, keys)
  return keys
}

function line(record: SnapshotRecord): string {
  return JSON.stringify(record)
}

/** How much there is to write, as far as it matters: what is beyond `RECORD_WEIGHT` is not looked at. */
function weightOf(value: unknown, known: KnownKeys): number {
  let weight = 0
  const add = (part: unknown): boolean => {
    weight += 1 + textWeight(part)
    if (weight > RECORD_WEIGHT) return false
    if (typeof part !== 'object' || part === null) return true
    for (const [key, item] of partsOf(part, known)) {
      weight += textWeight(key)
      if (!add(item)) return false
    }
    return true
  }
  add(value)
  return weight
}

function textWeight(value: unknown): number {
  return typeof value === 'string' ? value.length / CHARACTERS_OF_WEIGHT : 0
}
