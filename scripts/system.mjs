/**
 * Runs the tests that need programs which npm does not bring, on private Redis servers:
 * `npm run test:system [-- --install] [-- jest's options]`. --install installs what is missing, as CI does.
 */
import { systemJest } from './lib/jest.mjs'
import { runTests } from './lib/run-tests.mjs'
import { runScript } from './lib/script.mjs'
import { findSystemPrograms } from './lib/system-programs.mjs'
import { systemSummary } from './lib/test-summary.mjs'

await runScript((args) =>
  runTests(args, { jest: systemJest, summary: systemSummary, programs: findSystemPrograms }),
)
