import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, readJson } from './root.mjs'

/** Where `npm test` leaves jest's results. */
export const testSummary = join(cacheFolder, 'test-summary.json')

/** Where `npm run test:system` leaves them. */
export const systemSummary = join(cacheFolder, 'system-summary.json')

/**
 * Passed and failed tests of the last run. A test file that could not run at all counts as one failure, and so
 * does a jest that ended badly without naming a failure (a crash, no tests found).
 */
export function readTestCounts(exitCode, _output, path = testSummary) {
  const summary = existsSync(path) ? readJson(path) : {}
  const { numPassedTests = 0, numFailedTests = 0, numRuntimeErrorTestSuites = 0 } = summary
  const failed = numFailedTests + numRuntimeErrorTestSuites
  const unexplained = failed === 0 && (exitCode !== 0 || numPassedTests === 0)
  return { passed: numPassedTests, failed: unexplained ? 1 : failed }
}

/** The same of the last `npm run test:system`. */
export function readSystemCounts(exitCode, output) {
  return readTestCounts(exitCode, output, systemSummary)
}
