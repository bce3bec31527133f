import { createHash } from 'node:crypto'
import {
  type SnapshotFileHeader,
  SnapshotFileReader,
  writeHeader,
  writeTrailer,
} from '../../src/log/snapshot-file.js'

const HEADER: SnapshotFileHeader = {
  ...{ application: 'bank', version: 3, group: 'g', logId: 'L-1', index: 12, term: 8, timeMs: 1234 },
  ...{ stale: true, halted: 'LOG_LOST' },
  terms: [
    { term: 5, nonce: 'a', first: 1 },
    { term: 8, nonce: 'b', first: 10 },
  ],
}
const RECORDS = ['[[],{}]', '[["a"],"ä\\n😀"]', '[[],{"b":1},1]']

/** A file's text with the right trailer, whatever its lines are. */
function fileOf(header: string, records = RECORDS, count = records.length): string {
  const before = [header, ...records].map((line) => `${line}\n`).join('')
  return `${before}${writeTrailer(count, createHash('sha256').update(before).digest('hex'))}\n`
}

/** The header as a line, with something else in it. */
const headerWith = (other: object) => writeHeader({ ...HEADER, ...other })

/** Reads a text in pieces of so many bytes. */
function read(text: string, step = 1 << 20): { records: string[]; header: SnapshotFileHeader } {
  const reader = new SnapshotFileReader()
  const bytes = Buffer.from(text)
  const records: string[] = []
  for (let at = 0; at < bytes.length; at += step) records.push(...reader.read(bytes.subarray(at, at + step)))
  return { records, header: reader.end() }
}

it.each([1, 2, 7, 64, 1 << 20])('reads what was written, in pieces of %i bytes', (step) => {
  expect(read(fileOf(writeHeader(HEADER)), step)).toEqual({ header: HEADER, records: RECORDS })
})

it('says in its first line what it is', () => {
  expect(writeHeader(HEADER)).toMatch(
    /^\{"format":"leasehold-snapshot","formatVersion":1,"application":"bank","version":3,"group":"g",/,
  )
})

it('reads a header with fields that it does not know', () => {
  expect(read(fileOf(headerWith({ more: 1 }))).header).toEqual(HEADER)
})

it('reads the snapshot of a group in which nothing was written', () => {
  const header = { ...HEADER, index: 0, term: 0, timeMs: 0, terms: [] }
  expect(read(fileOf(writeHeader(header))).header).toEqual(header)
})

/** What a function throws; undefined if it does not. */
function thrownBy(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}

const whole = fileOf(writeHeader(HEADER))

it('refuses every file that was cut off', () => {
  const bytes = Buffer.from(whole)
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length).toString('latin1')
    expect(thrownBy(() => read(Buffer.from(cut, 'latin1').toString()))).toMatchObject({
      code: 'SNAPSHOT_BAD',
    })
  }
})

it('refuses every file of which a byte was changed', () => {
  const bytes = Buffer.from(whole)
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    const reader = new SnapshotFileReader()
    const readAll = () => {
      for (const _ of reader.read(changed)) continue
      reader.end()
    }
    expect(thrownBy(readAll)).toMatchObject({ code: 'SNAPSHOT_BAD' })
  }
})

it.each<[string, string, RegExp]>([
  ['without a header', `${RECORDS.join('\n')}\n`, /none of this library/],
  ['of another kind', fileOf('{"format":"tar"}'), /none of this library/],
  ['that is text', 'hello\n', /none of this library/],
  ['of a newer format', fileOf(headerWith({ formatVersion: 2 })), /format 2, .* knows format 1/],
  ['with more behind its end', `${whole}\n`, /behind its end/],
  ['with half a line behind its end', `${whole}x`, /behind its end/],
  ['twice', whole + whole, /behind its end/],
  ['with a wrong count', fileOf(writeHeader(HEADER), RECORDS, 2), /should have 2 records and has 3/],
  ['without records', fileOf(writeHeader(HEADER), []), /should have 0 records/],
  ['with an empty line', fileOf(writeHeader(HEADER), ['[[],{}]', '']), /line 3 is not/],
  ['with a record out of place', fileOf(writeHeader(HEADER), ['[[],{}]', '[["a",0],1]']), /line 3 is not/],
  ['without an application', fileOf(headerWith({ application: '' })), /application in its first line/],
  ['with a log that is no name', fileOf(headerWith({ logId: 'a b' })), /logId in its first line/],
  ['with a version that is none', fileOf(headerWith({ version: '3' })), /version in its first line/],
  ['with an index that is none', fileOf(headerWith({ index: 1.5 })), /index in its first line/],
  ['with an index too large for Lua', fileOf(headerWith({ index: 2 ** 52 })), /index in its first line/],
  ['with a negative time', fileOf(headerWith({ timeMs: -1 })), /timeMs in its first line/],
  ['with entries of no term', fileOf(headerWith({ term: 0, terms: [] })), /term in its first line/],
  ['with terms that are no list', fileOf(headerWith({ terms: {} })), /terms in its first line/],
  ['with a row that is none', fileOf(headerWith({ terms: [null] })), /terms in its first line/],
  ['with terms that fall', fileOf(headerWith({ terms: [...HEADER.terms].reverse() })), /terms in/],
  ['with terms that end before its own', fileOf(headerWith({ term: 9 })), /terms in its first line/],
  ['with terms behind its index', fileOf(headerWith({ index: 9 })), /terms in its first line/],
  ['with terms that begin late', fileOf(headerWith({ terms: HEADER.terms.slice(1) })), /terms in/],
])('refuses a file %s', (_what, text, why) => {
  expect(thrownBy(() => read(text))).toMatchObject({
    code: 'SNAPSHOT_BAD',
    message: expect.stringMatching(why),
  })
  expect(thrownBy(() => read(text))).toMatchObject({
    message: expect.stringContaining('Nothing was changed'),
  })
})
