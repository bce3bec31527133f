import { decodeEntry, encodeEntry, type EntryDraft, WINDOW_ONLY } from '../../src/log/entry.js'

function draft(args: unknown): EntryDraft {
  return { opId: 'op-1', fingerprint: 'f', version: 3, command: 'put', args }
}

it.each([
  ['an object', { key: 'a', value: [1, { deep: null }] }],
  ['text of every kind', 'ü — 漢字 🐑 "quoted" \\ \n \0 \u2028 </script>'],
  ['half a surrogate pair', '\ud83d'],
  ['a key that JSON must not lose', JSON.parse('{"__proto__":{"a":1},"constructor":2}')],
  ['numbers at the edges', [0, -1, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, 0.1 + 0.2]],
  ['null', null],
  ['false', false],
  ['an empty text', ''],
  ['200 kB', 'x'.repeat(200_000)],
])('comes back as it was: %s', (_, args) => {
  const entry = decodeEntry(7, 1_795_384_000_123, 1_795_384_000_456, encodeEntry(draft(args)))
  expect(entry).toEqual({ ...draft(args), index: 7, term: 1_795_384_000_123, timeMs: 1_795_384_000_456 })
})

it.each<EntryDraft['since']>([{ term: 0, index: 0 }, { term: 1_795_384_000_123, index: 4711 }, WINDOW_ONLY])(
  'comes back with where its operation first arrived: %j',
  (since) => {
    const entry = { ...draft(1), since }
    expect(decodeEntry(1, 1, 1, encodeEntry(entry))).toMatchObject(entry)
  },
)

it('comes back without an argument where there was none', () => {
  const text = encodeEntry(draft(undefined))
  expect(Object.keys(JSON.parse(text) as object)).toEqual(['o', 'f', 'v', 'c'])
  expect(decodeEntry(1, 1, 1, text).args).toBeUndefined()
})

it('reads an entry from before the term was kept where its operation arrived', () => {
  const text = JSON.stringify({ ...(JSON.parse(encodeEntry(draft(1))) as object), s: 7 })
  expect(decodeEntry(1, 1, 1, text).since).toEqual({ term: undefined, index: 7 })
})

it('reads an entry to which a later format added a field', () => {
  const text = JSON.stringify({ ...(JSON.parse(encodeEntry(draft(1))) as object), later: true })
  expect(decodeEntry(1, 1, 1, text)).toMatchObject(draft(1))
})

describe('the trace of its write', () => {
  const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'c=d' }

  it('comes back, and stands behind all else', () => {
    const text = encodeEntry({ ...draft('x'), trace })
    expect(decodeEntry(1, 1, 1, text).trace).toEqual(trace)
    expect(text).toBe(`${encodeEntry(draft('x')).slice(0, -1)},"p":"${trace.traceparent}","q":"c=d"}`)
  })

  it('is nothing that is known by another name to a reader which does not know it', () => {
    const {
      p: _p,
      q: _q,
      ...known
    } = JSON.parse(encodeEntry({ ...draft('x'), trace })) as Record<string, unknown>
    expect(JSON.stringify(known)).toBe(encodeEntry(draft('x')))
  })
})
