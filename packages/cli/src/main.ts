import { readArguments } from './arguments.js'
import { COMMANDS } from './commands/index.js'
import { EXIT_CODES, type ExitCode } from './exit-codes.js'
import { errorRecord, exitCodeOf, UsageError } from './failure.js'
import { commandHelp, generalHelp } from './help.js'
import { Terminal } from './terminal.js'

/** Runs the program. Resolves with its exit code; whatever goes wrong was told then. */
export async function main(args: readonly string[], version: string): Promise<ExitCode> {
  let terminal = new Terminal({ json: args.includes('--json'), colour: !args.includes('--no-color') })
  try {
    const { command, given, words } = readArguments(args, COMMANDS)
    terminal = new Terminal({ json: given['json'] === true, colour: given['no-color'] !== true })
    if (given['version'] === true) {
      terminal.line(version)
      return EXIT_CODES.ok
    }
    if (given['help'] === true) {
      terminal.line(command ? commandHelp(command) : generalHelp(COMMANDS))
      return EXIT_CODES.ok
    }
    if (!command) throw new UsageError(`Name a command.\n\n${generalHelp(COMMANDS)}`)
    return await command.run({ terminal, given, words })
  } catch (error) {
    tell(terminal, error)
    return exitCodeOf(error)
  }
}

function tell(terminal: Terminal, error: unknown): void {
  const code = exitCodeOf(error)
  if (terminal.json) return terminal.note(JSON.stringify(errorRecord(error)))
  const { message, stack } = Object(error) as { message?: string; stack?: string }
  terminal.note(code === EXIT_CODES.bug ? `A bug: ${stack ?? String(error)}` : `leasehold: ${message}`)
}
