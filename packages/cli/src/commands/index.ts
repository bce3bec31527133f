import type { Command } from '../command.js'
import { completionScript, type Shell, SHELLS } from '../completion-scripts.js'
import { EXIT_CODES } from '../exit-codes.js'
import { UsageError } from '../failure.js'
import { doctor } from './doctor.js'
import { history } from './history.js'
import { log } from './log.js'
import { pause, resume } from './pause.js'
import { status } from './status.js'
import { switchover } from './switchover.js'
import { verify } from './verify.js'

/** Prints what a shell needs to complete command lines. It knows the others, so it stands with their list. */
const completion: Command = {
  name: 'completion',
  words: SHELLS.join('|'),
  choices: SHELLS,
  summary: 'a script that has your shell complete commands and options',
  flags: [],
  run: async ({ terminal, words: [shell] }) => {
    if (!SHELLS.some((known) => known === shell))
      throw new UsageError(`leasehold completion needs the name of a shell: ${SHELLS.join(', ')}.`)
    terminal.line(completionScript(shell as Shell, COMMANDS).trimEnd())
    return EXIT_CODES.ok
  },
}

/** All commands, in the order in which help has them. */
export const COMMANDS: readonly Command[] = [
  status,
  history,
  switchover,
  pause,
  resume,
  log,
  verify,
  doctor,
  completion,
]
