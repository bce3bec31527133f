import { filesIn, importsOf } from './source-files.js'

const CORE = 'packages/core/src/'

/**
 * The order of DESIGN §9: a file imports only from what stands in a line above it, or in its own folder. Types count.
 * Files at the top of `src` are named, folders end with a slash.
 */
const ORDER = [
  [
    'clock',
    'deferred',
    'shared-call',
    'turns',
    'remember',
    'error-codes',
    'errors',
    'events',
    'position',
    'options',
    'option-checks',
    'observe/',
  ],
  ['log/'],
  ['apply/'],
  ['read/', 'write/', 'replicate/'],
  ['elect/'],
  ['operate/'],
  ['parts', 'redis/'],
  [
    'calls',
    'instance',
    'chronicle',
    'replica-listener',
    'node-metrics',
    'describe',
    'leader-url',
    'reactions',
    'auditing',
    'role-change',
    'instance-replica',
    'candidacy',
    'successor',
    'steering',
    'lifecycle',
    'election-node',
    'replicated-node',
  ],
  ['create-node', 'import-snapshot', 'operator/'],
  ['index', 'testing/', 'metrics/', 'otel/'],
]

const files = filesIn(CORE, '.ts').filter(({ path }) => !path.endsWith('.d.ts'))

/** Where a file of core stands: its folder with a slash, or its own name. */
function placeOf(path: string): string {
  const [first = '', rest] = path.slice(CORE.length).split('/')
  return rest === undefined ? first.replace(/\.ts$/, '') : `${first}/`
}

function lineOf(place: string): number {
  return ORDER.findIndex((line) => line.includes(place))
}

const imports = files.flatMap((file) => importsOf(file).map((target) => ({ from: file.path, target })))
const inside = imports.filter(({ target }) => target.startsWith(CORE))
const packages = imports.filter(
  ({ target }) => !target.startsWith('packages/') && !target.startsWith('node:'),
)

it('finds something to check', () => {
  expect(files.length).toBeGreaterThan(30)
  expect(inside.length).toBeGreaterThan(100)
})

it('knows where every file stands', () => {
  expect(files.map(({ path }) => placeOf(path)).filter((place) => lineOf(place) === -1)).toEqual([])
})

it('imports go one way', () => {
  const wrong = inside.filter(({ from, target }) => {
    const [place, source] = [placeOf(from), placeOf(target)]
    if (place === source) return false
    const [line, above] = [lineOf(place), lineOf(source)]
    // Folders that share a line are strangers; files that share one are peers.
    return above > line || (above === line && place.endsWith('/') && source.endsWith('/'))
  })
  expect(wrong).toEqual([])
})

it('only redis/ knows ioredis, redlock and bullmq, and little else comes from outside', () => {
  const elsewhere = packages.filter(({ from }) => placeOf(from) !== 'redis/')
  expect(elsewhere).toEqual([
    { from: `${CORE}metrics/registry.ts`, target: 'prom-client' },
    { from: `${CORE}observe/debug-logger.ts`, target: 'debug' },
    { from: `${CORE}otel/otel-tracer.ts`, target: '@opentelemetry/api' },
  ])
  const inRedis = packages.filter((one) => !elsewhere.includes(one))
  expect(new Set(inRedis.map(({ target }) => target))).toEqual(new Set(['ioredis', 'redlock', 'bullmq']))
})

it('otel/ is for whoever asks for it: nothing else needs OpenTelemetry to be there', () => {
  const users = inside.filter(({ from, target }) => placeOf(target) === 'otel/' && placeOf(from) !== 'otel/')
  expect(users).toEqual([])
})

it('only createNode, importSnapshot and the operator know redis/', () => {
  const users = inside.filter(
    ({ from, target }) => placeOf(target) === 'redis/' && placeOf(from) !== 'redis/',
  )
  expect(new Set(users.map(({ from }) => placeOf(from)))).toEqual(
    new Set(['create-node', 'import-snapshot', 'operator/']),
  )
})

it.each([
  ['packages/http', ['@leasehold/core', '@leasehold/core/metrics', 'encodeurl', 'undici']],
  ['packages/express-adapter', ['@leasehold/http', 'express']],
  ['packages/cli', ['@leasehold/core/operator']],
  ['packages/fastify-adapter', ['@leasehold/core', '@leasehold/http', 'fastify', 'fastify-plugin']],
])('%s knows only these packages, by their public face: %j', (folder, known) => {
  const targets = filesIn(`${folder}/src`, '.ts').flatMap(importsOf)
  const foreign = targets.filter((target) => !target.startsWith(`${folder}/`) && !target.startsWith('node:'))
  expect(new Set(foreign)).toEqual(new Set(known))
})

it('examples know only the public face of all', () => {
  const targets = filesIn('examples', '.ts').flatMap(importsOf)
  expect(targets.filter((target) => /^packages\/|^@leasehold\/[^/]+\//.test(target))).toEqual([])
})
