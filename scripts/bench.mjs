/**
 * Runs benchmarks: `npm run bench -- <name> [options]` runs one, `npm run bench` all of them, about an hour, and
 * `npm run bench -- --list` says what there is. None of them is run by CI.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { root } from './lib/root.mjs'
import { run } from './lib/run.mjs'
import { EX_USAGE, runScript, ScriptError } from './lib/script.mjs'
import { note } from './lib/step.mjs'

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

async function runOne(name, args = []) {
  note(`\n${name}: ${aboutOf(name)}`)
  return run(process.execPath, [join(FOLDER, `${name}.mjs`), ...args])
}

await runScript(async ([name, ...args]) => {
  if (name === '--list') {
    console.log(list())
    return 0
  }
  if (name !== undefined && !names.includes(name))
    throw new ScriptError(`There is no benchmark "${name}". There is:\n${list()}`, EX_USAGE)
  await install()
  await build()
  if (name !== undefined) return runOne(name, args)
  let code = 0
  for (const each of names) code = (await runOne(each)) || code
  return code
})
