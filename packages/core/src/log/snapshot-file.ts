import { constants } from 'node:buffer'
import { createHash } from 'node:crypto'
import { LeaseholdError } from '../errors.js'
import type { TermRow } from './history.js'
import { RecordCheck } from './record-check.js'

const FORMAT = 'leasehold-snapshot'
/** Version of the file's format. An older library refuses a newer file. */
const FORMAT_VERSION = 1
const LINE_FEED = 10

/** The first line of a snapshot file: what it is, and where in which log it was taken. */
export interface SnapshotFileHeader {
  /** Name of the state machine. */
  readonly application: string
  /** Version of the state machine. */
  readonly version: number
  readonly group: string
  /** The log that it was taken from. */
  readonly logId: string
  readonly index: number
  /** Term of the entry at `index`; 0 if nothing had been written. */
  readonly term: number
  /** Log time of that entry, in ms. */
  readonly timeMs: number
  /** True if the replica could not tell how old it was; `halted` may say why. For people, an import does not ask. */
  readonly stale: boolean
  readonly halted: string | null
  /** Terms of the entries up to `index`. */
  readonly terms: readonly TermRow[]
}

/** The header as a line. What people look for comes first. */
export function writeHeader(header: SnapshotFileHeader): string {
  return JSON.stringify({ format: FORMAT, formatVersion: FORMAT_VERSION, ...header })
}

/** The last line: whether something is missing, and whether everything is as it was written. */
export function writeTrailer(records: number, sha256: string): string {
  return JSON.stringify({ records, sha256 })
}

/**
 * Reads a snapshot file piece by piece, header, records and trailer, and checks each (the format is in
 * docs/operations.md). Nothing of it may be used before `end()` has returned.
 */
export class SnapshotFileReader {
  readonly #hash = createHash('sha256')
  readonly #check = new RecordCheck()
  /** The beginning of a line whose end has not come yet. */
  #begun: Buffer[] = []
  #begunBytes = 0
  #line = 0
  #records = 0
  #header: SnapshotFileHeader | undefined
  #ended = false

  /** Undefined before it was read. */
  get header(): SnapshotFileHeader | undefined {
    return this.#header
  }

  /** Takes the next bytes of the text and gives the records that end in them. @throws LeaseholdError `SNAPSHOT_BAD`. */
  *read(bytes: Buffer): Generator<string> {
    let from = 0
    for (let to; (to = bytes.indexOf(LINE_FEED, from)) !== -1; from = to + 1) {
      const record = this.#readLine(bytes.subarray(from, to))
      if (record !== undefined) yield record
    }
    this.#keep(bytes.subarray(from))
  }

  /** The text is over. @throws LeaseholdError `SNAPSHOT_BAD` if the file is not. */
  end(): SnapshotFileHeader {
    if (!this.#ended || !this.#header || this.#begunBytes > 0) throw badFile('its end is missing')
    return this.#header
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#begun.push(bytes)
    this.#begunBytes += bytes.length
    if (this.#ended) throw badFile('something stands behind its end')
    // No writer can have made such a line; whatever this is, it must not fill the memory.
    if (this.#begunBytes > constants.MAX_STRING_LENGTH) throw badFile(`line ${this.#line + 1} does not end`)
  }

  #readLine(rest: Buffer): string | undefined {
    this.#line++
    this.#keep(rest)
    const bytes = this.#begun.length === 1 ? (this.#begun[0] as Buffer) : Buffer.concat(this.#begun)
    this.#begun = []
    this.#begunBytes = 0
    if (this.#ended) throw badFile('something stands behind its end')
    const text = bytes.toString()
    if (!this.#header) this.#header = readHeader(text)
    else if (text.startsWith('{')) {
      this.#readTrailer(text)
      return undefined
    } else if (this.#check.accepts(text)) this.#records++
    else throw badFile(`line ${this.#line} is not what can stand there`)
    this.#hash.update(bytes).update('\n')
    return this.#line === 1 ? undefined : text
  }

  #readTrailer(text: string): void {
    const { records, sha256 } = parseObject(text, 'its last line') as { records?: unknown; sha256?: unknown }
    if (records !== this.#records || records === 0)
      throw badFile(`it should have ${String(records)} records and has ${this.#records}`)
    if (sha256 !== this.#hash.digest('hex'))
      throw badFile('its checksum is wrong: it is not what was written')
    this.#ended = true
  }
}

/** An error that says why a file cannot be used. */
export function badFile(why: string, cause?: unknown): LeaseholdError {
  return new LeaseholdError('SNAPSHOT_BAD', `The snapshot cannot be imported: ${why}. Nothing was changed.`, {
    cause,
  })
}

function readHeader(text: string): SnapshotFileHeader {
  const value = parseObject(text, 'it is none of this library: its first line')
  const { format, formatVersion, application, version, group, logId, index, term, timeMs, stale, halted } =
    value
  if (format !== FORMAT) throw badFile('it is none of this library: its first line does not say so')
  if (formatVersion !== FORMAT_VERSION) {
    throw badFile(
      `it has format ${JSON.stringify(formatVersion)}, this version of the library knows format ${FORMAT_VERSION}`,
    )
  }
  for (const [name, text] of Object.entries({ application, group, logId }))
    if (typeof text !== 'string' || !/^[^:{}\s]{1,128}$/.test(text)) throw badField(name)
  for (const [name, count] of Object.entries({ version, index, term, timeMs }))
    if (!isCount(count)) throw badField(name)
  if ((index === 0) !== (term === 0)) throw badField('term')
  return {
    application: application as string,
    version: version as number,
    group: group as string,
    logId: logId as string,
    index: index as number,
    term: term as number,
    timeMs: timeMs as number,
    stale: stale === true,
    halted: typeof halted === 'string' ? halted : null,
    terms: readTerms(value['terms'], index as number, term as number),
  }
}

/** The terms of a log that begins at 1 and ends at `index`, under `term`. */
function readTerms(value: unknown, index: number, term: number): TermRow[] {
  if (!Array.isArray(value)) throw badField('terms')
  const rows = value as Partial<Record<keyof TermRow, unknown>>[]
  let last = { term: 0, first: 0 }
  const terms = rows.map((row) => {
    const { term, nonce, first } = row ?? {}
    if (!isCount(term) || !isCount(first) || typeof nonce !== 'string' || !/^[\w-]{1,128}$/.test(nonce))
      throw badField('terms')
    if (term <= last.term || first <= last.first || first > index) throw badField('terms')
    last = { term, first }
    return { term, nonce, first }
  })
  if (last.term !== term || (terms[0]?.first ?? 1) !== 1) throw badField('terms')
  return terms
}

/** A whole number that Lua and Redis write down as we do. */
function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 1e15
}

function parseObject(text: string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw badFile(`${what} is not JSON`, error)
  }
  if (typeof value !== 'object' || value === null) throw badFile(`${what} is not an object`)
  return value as Record<string, unknown>
}

function badField(name: string): LeaseholdError {
  return badFile(`${name} in its first line is not what can stand there`)
}
