import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, readJson } from './root.mjs'

/** Where `npm test` leaves jest's results. */
export const testSummary = join(cacheFolder, 'test-summary.json')

/**
 * Passed and failed tests of the last run. A test file that could not run at all counts as one failure, and so
 * does a jest that ended badly without naming a failure (a crash, no tests found).
 */
export function readTestCounts(exitCode) {
  const summary = existsSync(testSummary) ? readJson(testSummary) : {}
  const { numPassedTests = 0, numFailedTests = 0, numRuntimeErrorTestSuites = 0 } = summary
  const failed = numFailedTests + numRuntimeErrorTestSuites
  const unexplained = failed === 0 && (exitCode !== 0 || numPassedTests === 0)
  return { passed: numPassedTests, failed: unexplained ? 1 : failed }
}
