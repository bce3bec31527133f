import { relative } from 'node:path'
import { nodeProblem } from './node-version.mjs'
import { root } from './root.mjs'

/** As sysexits.h has it: the command was used in a wrong way. */
export const EX_USAGE = 64

/** A failure that the reader can act on: printed as it stands, without a stack trace. */
export class ScriptError extends Error {
  constructor(message, exitCode = 1) {
    super(message)
    this.name = 'ScriptError'
    this.exitCode = exitCode
  }
}

/**
 * Runs a script's main function; what it resolves to, if a number, becomes the exit code. The script ends then even
 * if it has left a process running: the guard removes that.
 */
export async function runScript(main) {
  // The reader of a pipe, or the terminal, has gone.
  process.stdout.on('error', () => process.exit(1))
  try {
    const problem = nodeProblem()
    if (problem) throw new ScriptError(problem)
    const exitCode = await main(process.argv.slice(2))
    process.exit(exitCode ?? 0)
  } catch (error) {
    const isForeseen = error instanceof ScriptError
    console.error(isForeseen ? `\n${error.message}` : error)
    process.exit(isForeseen ? error.exitCode : 1)
  }
}

/**
 * The command the reader typed, so that advice can repeat it, and how an option is added to it:
 * `npm run up` and `npm run up -- `, or `node scripts/up.mjs` and `node scripts/up.mjs `.
 */
export function typedCommand() {
  const script = relative(root, process.argv[1])
  const { npm_lifecycle_event: name, npm_lifecycle_script: line } = process.env
  if (!name || !line?.includes(script)) return { command: `node ${script}`, withOption: `node ${script} ` }
  const command = name === 'test' ? 'npm test' : `npm run ${name}`
  return { command, withOption: `${command} -- ` }
}

/** True on a build machine: nobody to ask, so what is missing is installed and prompts are off. */
export function isCi() {
  return !['', '0', 'false', undefined].includes(process.env.CI)
}

/** Takes `--flag` out of args; says whether it was there. */
export function takeFlag(args, flag) {
  const at = args.indexOf(flag)
  if (at >= 0) args.splice(at, 1)
  return at >= 0
}

/**
 * An AbortSignal for "the user wants out": Ctrl-C, SIGTERM or a closed terminal. Only the first one counts:
 * npm passes on a Ctrl-C that the terminal has already delivered, so a second one says nothing new.
 */
export function stopSignal() {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => controller.abort(name))
  return controller.signal
}
