/** Runs a benchmark: `npm run bench -- <name> [options]`; without a name it lists them. None of them is run by CI. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { root } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { EX_USAGE, runScript, ScriptError } from './lib/script.mjs'

const FOLDER = join(root, 'bench')

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.mjs'))
  .map((file) => file.slice(0, -'.mjs'.length))

/** Each benchmark begins with a comment that says what it measures. */
function aboutOf(name) {
  const [, text = ''] = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(FOLDER, `${name}.mjs`), 'utf8')) ?? []
  return text.replaceAll(/\s*\n?\s\*\s/g, ' ').trim()
}

function list() {
  return names.map((name) => `  npm run bench -- ${name}\n      ${aboutOf(name)}`).join('\n')
}

await runScript(async ([name, ...args]) => {
  if (name === undefined) {
    console.log(list())
    return 0
  }
  if (!names.includes(name))
    throw new ScriptError(`There is no benchmark "${name}". There is:\n${list()}`, EX_USAGE)
  await install()
  await build()
  return run(process.execPath, [join(FOLDER, `${name}.mjs`), ...args])
})
