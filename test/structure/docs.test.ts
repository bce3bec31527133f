import { join } from 'node:path'
import { DEFAULTS } from '@leasehold/core'
import { textOf } from './source-files.js'

/** A name that a package exports, and the file that declares it. */
interface Exported {
  readonly name: string
  readonly path: string
}

function exportsOf(folder: string): Exported[] {
  const index = textOf(`${folder}/index.ts`) ?? ''
  // What comes from another package is checked there.
  return [...index.matchAll(/export (?:type )?\{([^}]*)\} from '(\.[^']+)'/g)].flatMap(
    ([, names = '', specifier = '']) =>
      names
        .split(',')
        .map((name) => name.replace(/^\s*type\s/, '').trim())
        .filter((name) => name !== '')
        .map((name) => ({ name, path: join(folder, specifier.replace(/\.js$/, '.ts')) })),
  )
}

/** Whether a doc comment ends right above the (first) declaration of a name. */
function isDocumented({ name, path }: Exported): boolean {
  const text = textOf(path) ?? ''
  const declared = new RegExp(
    `^export (?:abstract |async )?(?:class|function|interface|type|const) ${name}\\b`,
    'm',
  ).exec(text)
  return declared !== null && text.slice(0, declared.index).trimEnd().endsWith('*/')
}

const exported = [
  'packages/core/src',
  'packages/core/src/metrics',
  'packages/core/src/operator',
  'packages/core/src/otel',
  'packages/core/src/testing',
  'packages/http/src',
  'packages/express-adapter/src',
  'packages/fastify-adapter/src',
].flatMap(exportsOf)

it('finds what is exported', () => {
  expect(exported.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['createNode', 'DEFAULTS', 'ErrorCode', 'routeWrites', 'clusterRouter']),
  )
})

it.each(exported.map((one) => [one.name, one] as const))(
  '%s has a doc comment where it is declared',
  (_, one) => {
    expect(isDocumented(one)).toBe(true)
  },
)

describe('the options', () => {
  const interfaces = textOf('packages/core/src/options.ts') ?? ''
  const body = /export interface NodeOptions \{([\s\S]*?)\n\}/.exec(interfaces)?.[1] ?? ''

  /** Each option with its doc comment, in order; those of `lease` with its name before theirs. */
  const documented = [...body.matchAll(/\/\*\*([\s\S]*?)\*\/\n( +)(\w+)\??:/g)].map(
    ([, comment = '', indent = '', name = '']) => ({
      name: indent.length > 2 ? `lease.${name}` : name,
      comment,
    }),
  )
  const names = documented.map(({ name }) => name).filter((name) => name !== 'lease')

  /** The defaults by the names that users write. */
  const defaults = Object.entries(DEFAULTS).map(
    ([name, value]) =>
      [name === 'leaseTtlMs' ? 'lease.ttlMs' : name, value] as [string, string | number | boolean],
  )

  it('are all there to be checked', () => {
    expect(names).toEqual(
      expect.arrayContaining(['group', 'redis', 'lease.redis', ...defaults.map(([name]) => name)]),
    )
    expect([...body.matchAll(/^ +\w+\??:/gm)]).toHaveLength(documented.length)
  })

  it.each(defaults)('%s says its default, %p, in its comment', (name, value) => {
    const comment = documented.find((option) => option.name === name)?.comment ?? ''
    const said = [...comment.matchAll(/Default ([^,.]+)/g)].map(([, text = '']) => valueOf(text))
    expect(said).toContain(value)
  })

  const readme = textOf('README.md')
  const rows = new Map(tableIn(readme ?? ''))

  it('are all in the table of the README, and no others', () => {
    expect(new Set(rows.keys())).toEqual(
      readme === undefined ? new Set() : new Set([...names, 'stateMachine']),
    )
  })

  it.each(defaults)('%s has its default, %p, in the table', (name, value) => {
    expect(valueOf(readme === undefined ? String(value) : (rows.get(name) ?? ''))).toBe(value)
  })
})

describe.each([
  ['RouteWritesOptions', 'route-options.ts', 'mode'],
  ['ConsistentReadsOptions', 'consistent-reads.ts', 'waitMs'],
])('%s', (name, file, first) => {
  const text = textOf(`packages/http/src/${file}`) ?? ''
  const body = new RegExp(`export interface ${name}(?:<[^>]*>)? \\{([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? ''
  const fields = [...body.matchAll(/^( +)(\w+)\??: ?(\{?)/gm)]
  const names = fields
    .filter(([, , , brace]) => brace === '')
    .map(([, indent = '', field = '']) => (indent.length > 2 ? `hold.${field}` : field))

  it('has its options in the table of docs/requests.md, and no others', () => {
    expect(names).toContain(first)
    const docs = textOf('docs/requests.md')
    const rows = new Map(tableIn(docs ?? '', first))
    expect(new Set(rows.keys())).toEqual(docs === undefined ? new Set() : new Set(names))
  })

  it.each(names)('%s has the default of its comment there, where that is a number', (option) => {
    const comment =
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(body.slice(0, indexOf(body, option)))?.[1] ?? ''
    const said = valueOf(/Default `?([^,.`]+)/.exec(comment)?.[1] ?? '')
    const docs = textOf('docs/requests.md')
    if (typeof said !== 'number' || docs === undefined) return
    expect(valueOf(new Map(tableIn(docs, first)).get(option) ?? '')).toBe(said)
  })
})

/** Where an option, `hold.ms` say, is declared in the body of its interface. */
function indexOf(body: string, option: string): number {
  return body.search(new RegExp(`^ +${option.replace(/^hold\./, '  ')}\\??:`, 'm'))
}

/** The first two cells of each row of the table that has `option`. */
function tableIn(markdown: string, option = 'group'): [string, string][] {
  const tables = markdown
    .split(/\n(?!\|)/)
    .map((block) =>
      [...block.matchAll(/^\| *`([\w.]+)` *\|([^|]*)\|/gm)].map(
        ([, name = '', value = '']) => [name, value.trim()] as [string, string],
      ),
    )
  return tables.find((table) => table.some(([name]) => name === option)) ?? []
}

/** What a text says: `5000`, `5 000`, `64 MiB`, `true`, `'log'`. */
function valueOf(text: string): string | number | boolean {
  const bare = text.replaceAll(/[`']/g, '').trim()
  if (bare === 'true' || bare === 'false') return bare === 'true'
  const [, digits, unit = ''] = /^([\d _]+)(KiB|MiB)?(?: ms)?$/.exec(bare) ?? []
  if (digits === undefined) return bare
  const factor = { '': 1, KiB: 1024, MiB: 1024 * 1024 }[unit] ?? 1
  return Number(digits.replaceAll(/[ _]/g, '')) * factor
}
