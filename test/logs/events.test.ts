import { filesIn, textOf, withoutComments } from '../structure/source-files.js'

/** The events of all lines that the sources write: `event: 'a'`, or `event: x ? 'a' : 'b'`. */
const written = filesIn('packages/core/src', '.ts').flatMap(({ text }) =>
  [...withoutComments(text).matchAll(/\{\s*event: ([^,}\n]*'[^,}\n]*)/g)].flatMap(([, value = '']) =>
    // What is compared with is no event.
    [...value.replaceAll(/===\s*'\w+'/g, '').matchAll(/'(\w+)'/g)].map(([, event = '']) => event),
  ),
)
const [, table = ''] = (textOf('docs/logs.md') ?? '').split('| event | level |')
const documented = [...table.matchAll(/^\| (`.*?`) \| /gm)].flatMap(([, cell = '']) =>
  [...cell.matchAll(/`(\w+)`/g)].map(([, event = '']) => event),
)

it('every event that a line can have is in docs/logs.md, and no other', () => {
  expect(written).toEqual(expect.arrayContaining(['elected', 'snapshotLoaded', 'snapshotRefused', 'deposed']))
  expect([...new Set(documented)].toSorted()).toEqual([...new Set(written)].toSorted())
  expect(documented).toHaveLength(new Set(documented).size)
})

it('no line above debug goes without one', () => {
  const calls = filesIn('packages/core/src', '.ts').flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(/logger\.(?:info|warn|error)\(\s*(\{[^}]*\}?)/g)].map(
      ([, fields = '']) => `${path}: ${fields}`,
    ),
  )
  expect(calls.length).toBeGreaterThan(10)
  expect(calls.filter((call) => !/\bevent\b/.test(call))).toEqual([])
})
