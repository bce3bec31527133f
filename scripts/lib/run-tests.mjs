import { mkdirSync, rmSync } from 'node:fs'
import { build } from './build.mjs'
import { install } from './install.mjs'
import { ofCi, testEnvironment } from './jest.mjs'
import { cacheFolder } from './root.mjs'
import { run } from './run.mjs'
import { takeFlag } from './script.mjs'

/**
 * Runs tests on private Redis servers and leaves the results in `summary`; --install among `args` installs what is missing.
 * `jest`: the arguments of Node that run it. `programs` finds others that the tests need, as a part of their environment.
 */
export async function runTests(args, { jest, summary, programs = async () => ({}) }) {
  const wantsInstall = takeFlag(args, '--install')
  rmSync(summary, { force: true })
  await install()
  // Some tests start built packages as processes of their own; all others run on the sources.
  await build()
  const found = await programs(wantsInstall)
  const env = { ...(await testEnvironment({ install: wantsInstall })), ...found }
  mkdirSync(cacheFolder, { recursive: true })
  const report = ['--json', `--outputFile=${summary}`]
  return run(process.execPath, [...jest, ...report, ...ofCi, ...args], { env })
}
