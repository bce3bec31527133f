import { join } from 'node:path'
import { ROOT, filesIn, textOf } from './source-files.js'

interface Bounds {
  readonly maxLag: number
  readonly maxLagMs: number
  readonly asked: boolean
}
interface Health {
  readonly ok: boolean
}
interface Checks {
  parseBounds(query: URLSearchParams): Bounds | string
  isAlive(status: object, maxIdleMs: number): Health
  isReady(status: object, bounds: Bounds, shuttingDown: boolean): Health
  isReplica(status: object, bounds: Bounds, shuttingDown: boolean): Health
  isLeading(status: object): Health
}

const docs = textOf('docs/health.md') ?? ''
const [source] = filesIn('packages', 'health.ts').filter(({ path }) => path.endsWith('/src/health.ts'))
// eslint-disable-next-line @typescript-eslint/no-require-imports -- it is found, not named: which package has it may change
const checks = require(join(ROOT, source?.path ?? '')) as Checks

/** The table of what an instance answers, by what it is. */
const rows = new Map(
  [...docs.matchAll(/^\| ([a-z][^|]+) \| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, what = '', ...answers]) => [what, answers],
  ),
)

const following = {
  ...{ role: 'follower', isLeader: false, idleMs: 5, halted: null, caughtUp: true },
  ...{ stale: false, lagEntries: 0, lagMs: 0 },
}
const STATES: Record<string, { status: object; query?: string; shuttingDown?: boolean }> = {
  leads: { status: { ...following, role: 'leader', isLeader: true } },
  'follows and is in step': { status: following },
  'starts, or loads a snapshot': { status: { ...following, caughtUp: false } },
  'is too far behind': { status: { ...following, lagEntries: 1001 } },
  'is halted: `VERSION_TOO_OLD`, `DIVERGED`, `LOG_LOST` …': { status: { ...following, halted: 'DIVERGED' } },
  'follows and has lost Redis, asked without bounds': { status: { ...following, stale: true } },
  'the same, asked with `maxLag` or `maxLagMs`': { status: { ...following, stale: true }, query: 'maxLag=5' },
  'has had SIGTERM, with `gracefulShutdown`': {
    status: { ...following, role: 'leader', isLeader: true },
    shuttingDown: true,
  },
  'was a leader whose lease has run out': { status: { ...following, role: 'leader' } },
}

it('every row but that of an instance which cannot answer is checked', () => {
  expect([...rows.keys()]).toEqual(Object.keys(STATES))
})

it.each(Object.entries(STATES))('an instance that %s answers as docs/health.md has it', (what, state) => {
  const { status, query = '', shuttingDown = false } = state
  const bounds = checks.parseBounds(new URLSearchParams(query)) as Bounds
  const answers = [
    checks.isAlive(status, 10_000),
    checks.isReady(status, bounds, shuttingDown),
    checks.isLeading(status),
    checks.isReplica(status, bounds, shuttingDown),
  ].map(({ ok }) => (ok ? '200' : '503'))
  const asFollower = checks.isReady(following, bounds, shuttingDown).ok ? '200' : '503'
  const told = (rows.get(what) ?? []).map((said) =>
    said === 'as a follower' ? asFollower : said.slice(0, 3),
  )
  expect(answers).toEqual(told)
})

it('the bounds by default are those of the page', () => {
  const { maxLag, maxLagMs } = checks.parseBounds(new URLSearchParams()) as Bounds
  expect(docs).toContain(`\`?maxLag=\` entries (default ${maxLag})`)
  expect(docs).toContain(`\`?maxLagMs=\` milliseconds (default ${maxLagMs})`)
  expect(checks.isAlive({ ...following, idleMs: 10_001 }, 10_000).ok).toBe(false)
  expect(checks.isAlive({ ...following, role: 'stopped', idleMs: 10_001 }, 10_000).ok).toBe(true)
})
