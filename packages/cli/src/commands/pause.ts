import type { Operator } from '@leasehold/core/operator'
import { durationOf } from '../arguments.js'
import { type Command, REDIS_FLAGS } from '../command.js'
import { showDuration } from '../durations.js'
import { EXIT_CODES, type ExitCode } from '../exit-codes.js'
import { withGroup } from '../group.js'
import type { Terminal } from '../terminal.js'
import { refuseUnknown } from './status.js'

/** Turns automatic failover off. */
export const pause: Command = {
  name: 'pause',
  summary: 'from now on nobody takes over by itself, whatever happens to the leader',
  flags: [
    ...REDIS_FLAGS,
    { name: 'for', value: 'TIME', summary: 'ends by itself; default: leasehold resume ends it' },
  ],
  run: async ({ terminal, given }) => {
    const forMs = durationOf(given, 'for')
    return withGroup(given, async (operator) => {
      refuseUnknown(await operator.groupStatus(), operator)
      await operator.pause(forMs === undefined ? {} : { forMs })
      return tell(terminal, operator)
    })
  },
}

/** Turns it on again. */
export const resume: Command = {
  name: 'resume',
  summary: 'ends a pause; if nobody leads by then, somebody does at once',
  flags: REDIS_FLAGS,
  run: ({ terminal, given }) =>
    withGroup(given, async (operator) => {
      refuseUnknown(await operator.groupStatus(), operator)
      await operator.resume()
      return tell(terminal, operator)
    }),
}

/** By what Redis has now. */
async function tell(terminal: Terminal, operator: Operator): Promise<ExitCode> {
  const { name, paused, pauseLeftMs, leader } = await operator.groupStatus()
  if (terminal.json) terminal.record({ group: name, paused, pauseLeftMs, leader })
  else if (paused) {
    const until = pauseLeftMs === undefined ? 'until leasehold resume' : `for ${showDuration(pauseLeftMs)}`
    terminal.line(`Group ${name} is paused ${until}: nobody takes over by itself.`)
  } else terminal.line(`Group ${name} is not paused: an instance takes over if the leader fails.`)
  return EXIT_CODES.ok
}
