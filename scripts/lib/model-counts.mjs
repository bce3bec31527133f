/**
 * What scripts/model.mjs printed: each run of the model counts. Where it could not be searched at all, nothing counts, and
 * `skipped` says why; an end without either is a failure.
 */
export function readModelCounts(exitCode, output) {
  const [, skipped] = /^(skipped: .*)$/m.exec(output) ?? []
  if (skipped && exitCode === 0) return { passed: 0, failed: 0, skipped }
  const [, passed = 0, failed = 0] = (/^(\d+) passed, (\d+) failed$/m.exec(output) ?? []).map(Number)
  const unexplained = failed === 0 && (exitCode !== 0 || passed === 0)
  return { passed, failed: unexplained ? 1 : failed }
}
