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
})

/** What a text says: `5000`, `5 000`, `64 MiB`, `true`, `'log'`. */
function valueOf(text: string): string | number | boolean {
  const bare = text.replaceAll(/[`']/g, '').trim()
  if (bare === 'true' || bare === 'false') return bare === 'true'
  const [, digits, unit = ''] = /^([\d _]+)(KiB|MiB)?(?: ms)?$/.exec(bare) ?? []
  if (digits === undefined) return bare
  const factor = { '': 1, KiB: 1024, MiB: 1024 * 1024 }[unit] ?? 1
  return Number(digits.replaceAll(/[ _]/g, '')) * factor
}
