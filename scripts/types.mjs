/** Checks the types of the packages, the examples and the tests: `node scripts/types.mjs`. */
import { build, tsc } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { run } from './lib/run.mjs'
import { runScript } from './lib/script.mjs'

await runScript(async () => {
  await install()
  await build()
  return run(process.execPath, [tsc, '-p', 'tsconfig.test.json'])
})
