/** Runs the tests on private Redis servers: `npm test [-- --install] [-- jest's options]`. */
import { mkdirSync, rmSync } from 'node:fs'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { jest, ofCi, testEnvironment } from './lib/jest.mjs'
import { cacheFolder } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { runScript, takeFlag } from './lib/script.mjs'
import { testSummary } from './lib/test-summary.mjs'

async function test(args) {
  const wantsInstall = takeFlag(args, '--install')
  rmSync(testSummary, { force: true })
  await install()
  // The fault tests start the built example as processes of its own; all other tests run on the sources.
  await build()
  const env = await testEnvironment({ install: wantsInstall })
  mkdirSync(cacheFolder, { recursive: true })
  const report = ['--json', `--outputFile=${testSummary}`]
  return run(process.execPath, [...jest, ...report, ...ofCi, ...args], { env })
}

await runScript(test)
