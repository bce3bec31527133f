/** Writes the generated modules of packages/core/src/redis from the .lua and .js files that they hold; with --check only compares. */
import { isGeneratedCurrent, writeGenerated } from './lib/generated-scripts.mjs'
import { runScript, ScriptError, takeFlag } from './lib/script.mjs'

await runScript(async (args) => {
  if (!takeFlag(args, '--check')) return writeGenerated()
  if (isGeneratedCurrent()) return
  throw new ScriptError(
    'A generated module in packages/core/src/redis is out of date: run `node scripts/lua.mjs`.',
  )
})
