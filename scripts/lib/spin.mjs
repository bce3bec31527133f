import { join } from 'node:path'
import { root } from './root.mjs'
import { capture } from './run.mjs'
import { ScriptError } from './script.mjs'

const MODEL = join(root, 'model', 'leasehold.pml')
/** No partial order reduction, which has nothing to do where every step touches what all share. */
const SEARCH = ['-DSAFETY', '-DHC4', '-DNOREDUCE', '-DVECTORSZ=2048']
/** Steps of one path. */
const DEPTH = '-m400000'

async function mustRun(command, args, folder) {
  const { code, output } = await capture(command, args, { cwd: folder })
  if (code !== 0) throw new ScriptError(`${command} failed (exit code ${code}):\n${output.trimEnd()}`)
}

/** The name of the assertion that was violated: each has its own, as its first word. */
function foundIn(output) {
  const [, name] = /assertion violated \(*(\w+)/.exec(output) ?? []
  if (name) return name
  const [, errors] = /errors: (\d+)/.exec(output) ?? []
  return errors === '0' ? undefined : (/^pan:\d+: (.*)$/m.exec(output)?.[1] ?? 'no verdict')
}

/**
 * Searches the states of the model with these bounds and mutants, in a folder of its own, until all are visited, an error
 * is found or time is up.
 */
export async function search({ defines, folder, slots, optimisation, untilMs, leastMs }) {
  const startedAtMs = performance.now()
  await mustRun('spin', ['-a', ...defines.map((define) => `-D${define}`), MODEL], folder)
  await mustRun('gcc', [optimisation, '-w', ...SEARCH, '-o', 'pan', 'pan.c'], folder)
  const timeout = Math.ceil(Math.max(leastMs, untilMs - performance.now()))
  // On SIGINT it stops, and says how far it came.
  const options = { cwd: folder, timeout, killSignal: 'SIGINT' }
  const { output } = await capture(join(folder, 'pan'), ['-E', DEPTH, `-w${slots}`], options)
  const [, states] = /^ *([\d.e+]+) states, stored/m.exec(output) ?? []
  if (!states) throw new ScriptError(`The search of ${defines.join(' ')} has no result:\n${output.trimEnd()}`)
  return {
    states: Number(states),
    found: foundIn(output),
    complete: !/Search not completed|Interrupted|max search depth too small/.test(output),
    tookMs: performance.now() - startedAtMs,
  }
}
