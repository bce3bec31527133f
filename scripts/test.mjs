/** Runs the tests on private Redis servers: `npm test [-- --install] [-- jest's options]`. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { findRedis } from './lib/redis.mjs'
import { cacheFolder, root } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { isCi, runScript, takeFlag } from './lib/script.mjs'
import { testSummary } from './lib/test-summary.mjs'

const JEST = join(root, 'node_modules/jest/bin/jest.js')

async function test(args) {
  const wantsInstall = takeFlag(args, '--install')
  rmSync(testSummary, { force: true })
  await install()
  // The fault tests start the built example as processes of its own; all other tests run on the sources.
  await build()
  const redis = await findRedis({ install: wantsInstall, needsBinary: true })
  mkdirSync(cacheFolder, { recursive: true })
  const report = ['--json', `--outputFile=${testSummary}`]
  const ci = isCi() ? ['--ci', '--maxWorkers=2'] : []
  return run(process.execPath, [JEST, '--config', 'jest.config.mjs', ...report, ...ci, ...args], {
    env: { ...process.env, ...redis.env, REDIS_SERVER_BIN: redis.path },
  })
}

await runScript(test)
