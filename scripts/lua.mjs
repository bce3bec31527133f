/** Writes packages/core/src/redis/scripts.generated.ts from the .lua files beside it; with --check only compares. */
import { isGeneratedCurrent, writeGenerated } from './lib/generated-scripts.mjs'
import { runScript, ScriptError, takeFlag } from './lib/script.mjs'

await runScript(async (args) => {
  if (!takeFlag(args, '--check')) return writeGenerated()
  if (isGeneratedCurrent()) return
  throw new ScriptError(
    'packages/core/src/redis/scripts.generated.ts is out of date: run `node scripts/lua.mjs`.',
  )
})
