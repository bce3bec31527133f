/** Runs every check, also after one has failed; the last line is `N passed, N failed`. Called by .ci/run. */
import { capture, run } from './lib/run.mjs'
import { readModelCounts } from './lib/model-counts.mjs'
import { runScript } from './lib/script.mjs'
import { seconds } from './lib/step.mjs'
import { readSystemCounts, readTestCounts } from './lib/test-summary.mjs'

const CHECKS = [
  // First, and before the tests: any build would bring the file up to date.
  ['generated scripts', 'node', ['scripts/lua.mjs', '--check']],
  ['tests', 'npm', ['test'], { counts: readTestCounts, isLive: true }],
  ['tests with a browser and load balancers', 'npm', ['run', 'test:system'], { counts: readSystemCounts }],
  ['lint', 'npm', ['run', 'lint']],
  ['types', 'node', ['scripts/types.mjs']],
  ['format', 'npm', ['run', 'format', '--', '--check']],
  ['tables of the docs', 'node', ['scripts/docs-tables.mjs', '--check']],
  ['links and code of the docs', 'node', ['scripts/docs-check.mjs']],
  ['docs as a site', 'npm', ['run', 'docs']],
  ['packages', 'node', ['scripts/pack.mjs']],
  ['packages in an empty project', 'node', ['test/packaging/check.mjs']],
  ['model', 'node', ['scripts/model.mjs', '--install'], { counts: readModelCounts }],
  ['oldest and newest versions', 'node', ['scripts/matrix.mjs', '--ends']],
  ['demo', 'node', ['scripts/demo.mjs', '--seconds', '8']],
]

const oneCheck = (exitCode) => (exitCode === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })

/** Tests run for minutes and are shown as they go; of the others only failures are worth reading. */
async function runCheck([name, command, args, { counts = oneCheck, isLive = false } = {}]) {
  const startedAtMs = performance.now()
  if (isLive) console.log(`\n… ${name}: ${command} ${args.join(' ')}`)
  const options = { stdio: ['ignore', 'inherit', 'inherit'] }
  const { code, output } = isLive
    ? { code: await run(command, args, options), output: '' }
    : await capture(command, args)
  const result = counts(code, output)
  const mark = result.skipped ? '–' : result.failed === 0 ? '✓' : '✗'
  const sum = result.skipped
    ? `: ${result.skipped}`
    : counts === oneCheck
      ? ''
      : `: ${result.passed} passed, ${result.failed} failed`
  console.log(`${mark} ${name}${sum} (${seconds(performance.now() - startedAtMs)})`)
  if (result.failed > 0 && output) console.log(`${output.trimEnd()}\n`)
  return result
}

await runScript(async () => {
  let passed = 0
  let failed = 0
  for (const check of CHECKS) {
    const result = await runCheck(check)
    passed += result.passed
    failed += result.failed
  }
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
})
