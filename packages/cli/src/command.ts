import type { ExitCode } from './exit-codes.js'
import type { Terminal } from './terminal.js'

/** An option of the command line, as help and completion show it too. */
export interface Flag {
  readonly name: string
  readonly short?: string
  /** What its value is, for help; undefined for one that has none. */
  readonly value?: string
  /** The value that it has where it is given without one: then it may be. */
  readonly bare?: string
  readonly summary: string
}

/** What was given: texts of options that have a value, true for the others. */
export type Given = Readonly<Record<string, string | boolean | undefined>>

/** What a command works with. */
export interface Call {
  readonly terminal: Terminal
  readonly given: Given
  /** What stands behind the command's name. */
  readonly words: readonly string[]
}

/** One command of the program. */
export interface Command {
  readonly name: string
  /** What stands behind its name, for help. */
  readonly words?: string
  /** The words that can stand there. */
  readonly choices?: readonly string[]
  readonly summary: string
  readonly flags: readonly Flag[]
  run(call: Call): Promise<ExitCode>
}

/** Options of every command that talks to Redis. */
export const REDIS_FLAGS: readonly Flag[] = [
  {
    name: 'redis',
    value: 'URL',
    summary: 'the Redis of the log; default $REDIS_URL, else redis://127.0.0.1:6379',
  },
  {
    name: 'group',
    short: 'g',
    value: 'NAME',
    summary: 'the group; default $LEASEHOLD_GROUP, else the only one there',
  },
  { name: 'timeout', value: 'TIME', summary: 'how long to try to connect; default 5s' },
  { name: 'tls-ca', value: 'FILE', summary: 'certificate of the authority to trust, for rediss:// URLs' },
  { name: 'tls-cert', value: 'FILE', summary: 'client certificate, where Redis asks for one' },
  { name: 'tls-key', value: 'FILE', summary: 'its key' },
]

/** Options of every command. */
export const COMMON_FLAGS: readonly Flag[] = [
  { name: 'json', summary: 'JSON for programs; errors too, on the standard error' },
  { name: 'no-color', summary: 'no colours; nor are there any with $NO_COLOR or without a terminal' },
  { name: 'help', short: 'h', summary: 'this' },
  { name: 'version', summary: 'the version of this program' },
]
