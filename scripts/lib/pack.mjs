import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guard } from './guard.mjs'
import { pnpm } from './root.mjs'
import { capture } from './run.mjs'
import { ScriptError } from './script.mjs'
import { step } from './step.mjs'

/** Calls `work(folder)` with a temporary folder that is gone afterwards. */
export async function inTemporaryFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-pack-'))
  const release = guard({ folder })
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
    release()
  }
}

/** Runs a command of a check as a step of its own; its output is the error. */
export function checkStep(title, command, args, options) {
  return step(title, async () => {
    const { code, output } = await capture(command, args, options)
    if (code !== 0) throw new ScriptError(`${output.trimEnd()}\n\n${title}: failed (exit code ${code})`)
  })
}

/** Packs the packages as they would be published; returns the tarballs' paths. */
export async function packPackages(folder) {
  const [command, args] = pnpm(
    '--recursive',
    '--filter',
    './packages/*',
    'pack',
    '--pack-destination',
    folder,
  )
  await checkStep('pack', command, args)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.tgz'))
    .map((file) => join(folder, file))
}
