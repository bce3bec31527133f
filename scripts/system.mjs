/**
 * Runs the tests that need programs which npm does not bring, on private Redis servers:
 * `npm run test:system [-- --install] [-- jest's options]`. --install installs what is missing, as CI does.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { ofCi, systemJest, testEnvironment } from './lib/jest.mjs'
import { cacheFolder } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { runScript, takeFlag } from './lib/script.mjs'
import { findSystemPrograms } from './lib/system-programs.mjs'
import { systemSummary } from './lib/test-summary.mjs'

await runScript(async (args) => {
  const wantsInstall = takeFlag(args, '--install')
  rmSync(systemSummary, { force: true })
  await install()
  await build()
  const programs = await findSystemPrograms(wantsInstall)
  const env = { ...(await testEnvironment({ install: wantsInstall })), ...programs }
  mkdirSync(cacheFolder, { recursive: true })
  const report = ['--json', `--outputFile=${systemSummary}`]
  return run(process.execPath, [...systemJest, ...report, ...ofCi, ...args], { env })
})
