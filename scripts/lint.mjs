/** Lints everything, with type information: `npm run lint [-- --fix]`. */
import { join } from 'node:path'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { root } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { runScript } from './lib/script.mjs'

const OXLINT = join(root, 'node_modules/oxlint/bin/oxlint')
const FOLDERS = ['packages', 'examples', 'test', 'scripts', 'bench']

await runScript(async (args) => {
  await install()
  // One package sees the types of another through its build.
  await build()
  return run(process.execPath, [OXLINT, '--type-aware', '--deny-warnings', ...args, ...FOLDERS])
})
