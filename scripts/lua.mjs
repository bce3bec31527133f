/** Writes the generated modules of the packages from the scripts and pages that they hold; with --check only compares. */
import { isGeneratedCurrent, writeGenerated } from './lib/generated-scripts.mjs'
import { runScript, ScriptError, takeFlag } from './lib/script.mjs'

await runScript(async (args) => {
  if (!takeFlag(args, '--check')) return writeGenerated()
  if (isGeneratedCurrent()) return
  throw new ScriptError('A generated module is out of date: run `node scripts/lua.mjs`.')
})
