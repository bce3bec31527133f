/**
 * Takes one check after the other out of a copy of the sources, and demands that the tests go red:
 * `npm run mutate [-- words of names]`. Prints how many were killed of those that were planted.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { join } from 'node:path'
import { mutants } from '../test/mutation/mutants.mjs'
import { install } from './lib/install.mjs'
import { jest, testEnvironment } from './lib/jest.mjs'
import { inTemporaryFolder } from './lib/pack.mjs'
import { root } from './lib/root.mjs'
import { capture } from './lib/run.mjs'
import { runScript, ScriptError } from './lib/script.mjs'

/** A mutant that makes a loop endless hangs its tests: that is red, too. */
const HANGS_AFTER_MS = 300_000
const KILLED = 128 + constants.signals.SIGKILL
const SOURCES = ['packages', 'test', 'scripts', 'jest.config.mjs', 'package.json', 'tsconfig.base.json']
const isSource = (path) => !/\/(node_modules|dist)(\/|$)/.test(path)
/** Where packages are installed, and what of it is ours. */
const OURS = {
  core: 'packages/core',
  http: 'packages/http',
  express: 'packages/express-adapter',
  fastify: 'packages/fastify-adapter',
}
const PLACES = ['.', ...Object.values(OURS), 'test']

/** A copy of the sources that uses the packages which are installed here, and its own of ours. */
function copyTo(folder) {
  for (const name of SOURCES)
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: isSource })
  for (const place of PLACES) {
    const installed = join(root, place, 'node_modules')
    const modules = join(folder, place, 'node_modules')
    mkdirSync(join(modules, '@leasehold'), { recursive: true })
    for (const name of readdirSync(installed))
      if (name !== '@leasehold') symlinkSync(join(installed, name), join(modules, name))
    for (const [name, path] of Object.entries(OURS))
      symlinkSync(join(folder, path), join(modules, '@leasehold', name))
  }
}

/** Exit code and output of a program in a copy; it is ended after a while. */
function outcomeOf(args, folder, env = process.env) {
  return capture(process.execPath, args, { cwd: folder, env, timeout: HANGS_AFTER_MS, killSignal: 'SIGKILL' })
}

/** Plants one mutant, and takes it out again. True if the tests went red, and did run. */
async function kill(folder, { file, find, replace, tests, runs }, environment) {
  const path = join(folder, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(find).length !== 2) throw new ScriptError(`${file} does not have this exactly once: ${find}`)
  const plant = async (content) => {
    writeFileSync(path, content)
    if (file.endsWith('.lua')) await outcomeOf(['scripts/lua.mjs'], folder)
  }
  await plant(text.replace(find, () => replace))
  const args = [...jest, '-i', '--bail', '--forceExit', '--testTimeout', '20000', ...tests]
  const env = { ...environment, ...(runs !== undefined && { SIMULATE_RUNS: String(runs) }) }
  const { code, output } = await outcomeOf(args, folder, env)
  await plant(text)
  return code !== 0 && (/^Tests: /m.test(output) || code === KILLED)
}

await runScript(async (words) => {
  await install()
  const chosen = mutants.filter(({ name }) => words.every((word) => name.includes(word)))
  if (chosen.length === 0) throw new ScriptError('No check has such a name.')
  const environment = await testEnvironment()
  return inTemporaryFolder(async (folder) => {
    const survivors = []
    const waiting = [...chosen]
    const work = async (number) => {
      const own = join(folder, String(number))
      copyTo(own)
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
        const startedMs = performance.now()
        const killed = await kill(own, mutant, environment)
        if (!killed) survivors.push(mutant.name)
        const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
        console.log(`  ${killed ? '✓ killed  ' : '✗ SURVIVED'}  ${mutant.name} (${seconds} s)`)
      }
      rmSync(own, { recursive: true, force: true })
    }
    await Promise.all(Array.from({ length: availableParallelism() }, (_, number) => work(number)))
    console.log(`\n${chosen.length - survivors.length} killed of ${chosen.length} planted`)
    return survivors.length === 0 ? 0 : 1
  })
})
