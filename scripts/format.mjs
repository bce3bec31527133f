/** Formats all files, or with --check only says which are not formatted: `npm run format [-- --check]`. */
import { join } from 'node:path'
import { install } from './lib/install.mjs'
import { root } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { runScript, takeFlag } from './lib/script.mjs'

const BIOME = join(root, 'node_modules/@biomejs/biome/bin/biome')

await runScript(async (args) => {
  const write = takeFlag(args, '--check') ? [] : ['--write']
  await install()
  return run(process.execPath, [BIOME, 'format', ...write, ...args, '.'])
})
