/** Packs the packages as for publishing and checks the shape of what would be published, for every module system. */
import { basename, join } from 'node:path'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { checkStep, inTemporaryFolder, packPackages } from './lib/pack.mjs'
import { root } from './lib/root.mjs'
import { runScript } from './lib/script.mjs'

const PUBLINT = join(root, 'node_modules/publint/src/cli.js')
const ATTW = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')

await runScript(async () => {
  await install()
  await build()
  await inTemporaryFolder(async (folder) => {
    for (const tarball of await packPackages(folder)) {
      const name = basename(tarball)
      await checkStep(`publint ${name}`, process.execPath, [PUBLINT, 'run', '--strict', tarball])
      await checkStep(`attw ${name}`, process.execPath, [ATTW, tarball])
    }
  })
})
