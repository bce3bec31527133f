import type { SnapshotRecord } from './snapshot.js'

/** An object or a list that records are filling. */
interface Container {
  /** Where it stands in the one around it; undefined for the root. */
  readonly key: string | number | undefined
  /** Items so far, of a list; undefined for an object. */
  size: number | undefined
}

/**
 * Follows the records of a snapshot without putting its state together, so that a state of any size is checked in little
 * memory: each record must go where those before it have made room for it, or a replica could not load it.
 */
export class RecordCheck {
  /** From the root to what was filled last. */
  readonly #open: Container[] = []
  #begun = false

  /** Whether this line is a record, and one that may come here. */
  accepts(text: string): boolean {
    const record = parse(text)
    if (!record) return false
    const [path, value, merge] = record
    return merge === undefined ? this.#put(path, value) : this.#merge(path, value)
  }

  #put(path: SnapshotRecord[0], value: unknown): boolean {
    const key = path.at(-1)
    if (key === undefined) {
      if (this.#begun) return false
      this.#begun = true
    } else {
      const parent = this.#openAt(path.slice(0, -1))
      if (!parent) return false
      if (parent.size === undefined ? typeof key !== 'string' : key !== parent.size++) return false
    }
    if (isContainer(value)) this.#open.push({ key, size: Array.isArray(value) ? value.length : undefined })
    return true
  }

  #merge(path: SnapshotRecord[0], value: unknown): boolean {
    const target = this.#openAt(path)
    if (!target || !isContainer(value) || Array.isArray(value) !== (target.size !== undefined)) return false
    if (Array.isArray(value)) target.size = (target.size as number) + value.length
    return true
  }

  /** The container at `path`, if it is one that is being filled; those within it are complete then. */
  #openAt(path: SnapshotRecord[0]): Container | undefined {
    const found = this.#open[path.length]
    if (!found || path.some((key, depth) => this.#open[depth + 1]?.key !== key)) return undefined
    this.#open.length = path.length + 1
    return found
  }
}

function parse(text: string): SnapshotRecord | undefined {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(record) || record.length < 2 || record.length > 3) return undefined
  const [path, , merge] = record as unknown[]
  if (!Array.isArray(path) || !path.every((key) => typeof key === 'string' || Number.isInteger(key)))
    return undefined
  if (record.length === 3 && merge !== 1) return undefined
  return record as unknown as SnapshotRecord
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
