/** Builds all packages and the example: `npm run build [-- --clean]`. */
import { build, removeBuilt } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { runScript, takeFlag } from './lib/script.mjs'

await runScript(async (args) => {
  if (takeFlag(args, '--clean')) removeBuilt()
  await install()
  await build()
})
