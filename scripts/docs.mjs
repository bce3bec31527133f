/** Builds the documentation site into .cache/site: `npm run docs`. */
import { join } from 'node:path'
import { install } from './lib/install.mjs'
import { root } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { runScript } from './lib/script.mjs'

await runScript(async (args) => {
  await install()
  return run(process.execPath, [join(root, 'docs/site/build.mjs'), ...args])
})
