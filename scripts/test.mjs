/** Runs the tests on private Redis servers: `npm test [-- --install] [-- jest's options]`. */
import { jest } from './lib/jest.mjs'
import { runTests } from './lib/run-tests.mjs'
import { runScript } from './lib/script.mjs'
import { testSummary } from './lib/test-summary.mjs'

await runScript((args) => runTests(args, { jest, summary: testSummary }))
