import { type Command, COMMON_FLAGS, type Flag } from './command.js'
import { EXIT_CODE_MEANINGS } from './exit-codes.js'

/** Help on the program. */
export function generalHelp(commands: readonly Command[]): string {
  return [
    'leasehold <command> [options]',
    '',
    'Looks after a Leasehold group by its Redis: it needs no instance, joins no group and never leads.',
    '',
    'Commands',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Options of all commands',
    ...columns(COMMON_FLAGS.map((flag) => [spelling(flag), flag.summary])),
    '',
    'Exit codes',
    ...columns(EXIT_CODE_MEANINGS.map(([code, meaning]) => [String(code), meaning])),
    '',
    'leasehold <command> --help has the options of a command.',
  ].join('\n')
}

/** Help on one command. */
export function commandHelp({ name, words, summary, flags }: Command): string {
  return [
    `leasehold ${name}${words === undefined ? '' : ` ${words}`} [options]`,
    '',
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
    '',
    'Options',
    ...columns([...flags, ...COMMON_FLAGS].map((flag) => [spelling(flag), flag.summary])),
  ].join('\n')
}

function spelling({ name, short, value, bare }: Flag): string {
  const what = value === undefined ? '' : bare === undefined ? ` ${value}` : ` [${value}]`
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${what}`
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
