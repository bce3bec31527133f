import { parseArgs, type ParseArgsConfig } from 'node:util'
import { type Command, COMMON_FLAGS, type Flag, type Given } from './command.js'
import { readDuration } from './durations.js'
import { UsageError } from './failure.js'

/** The command line, taken apart. */
export interface Arguments {
  /** Undefined where none is named. */
  readonly command: Command | undefined
  readonly given: Given
  readonly words: readonly string[]
}

/**
 * Takes the command line apart. Options may stand before and behind the command.
 *
 * @throws UsageError
 */
export function readArguments(args: readonly string[], commands: readonly Command[]): Arguments {
  const all = new Map(
    [...COMMON_FLAGS, ...commands.flatMap(({ flags }) => flags)].map((flag) => [flag.name, flag]),
  )
  const { values, positionals } = parse(spelledOut(args, [...all.values()]), [...all.values()])
  const [name, ...words] = positionals
  const command = commands.find((each) => each.name === name)
  if (name !== undefined && !command) {
    const known = commands.map((each) => each.name).join(', ')
    throw new UsageError(`There is no command ${JSON.stringify(name)}. There are: ${known}.`)
  }
  if (command) refuseForeign(command, values, words)
  return { command, given: values, words }
}

function parse(args: string[], flags: readonly Flag[]): { values: Given; positionals: string[] } {
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const { name, short, value } of flags)
    options[name] = {
      type: value === undefined ? 'boolean' : 'string',
      ...(short !== undefined && { short }),
    }
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true })
    return { values: values as Given, positionals }
  } catch (error) {
    // It says which option; behind the first sentence is advice on what Node would take.
    throw new UsageError((error as Error).message.split('. ')[0])
  }
}

/** With the value of options that were given without one. */
function spelledOut(args: readonly string[], flags: readonly Flag[]): string[] {
  const bare = flags.filter((flag) => flag.bare !== undefined)
  return args.flatMap((arg, at) => {
    const before = bare.find(({ name, short }) => isSpelled(args[at - 1], name, short))
    if (before && isValue(arg)) return []
    const flag = bare.find(({ name, short }) => isSpelled(arg, name, short))
    if (!flag) return [arg]
    const next = args[at + 1]
    return [`--${flag.name}=${next !== undefined && isValue(next) ? next : flag.bare}`]
  })
}

function isSpelled(arg: string | undefined, name: string, short: string | undefined): boolean {
  return arg === `--${name}` || (short !== undefined && arg === `-${short}`)
}

function isValue(arg: string): boolean {
  return readDuration(arg) !== undefined
}

function refuseForeign(command: Command, given: Given, words: readonly string[]): void {
  const own = new Set([...COMMON_FLAGS, ...command.flags].map(({ name }) => name))
  const foreign = Object.keys(given).find((name) => !own.has(name))
  if (foreign !== undefined) throw new UsageError(`leasehold ${command.name} has no option --${foreign}.`)
  const [extra] = command.words === undefined ? words : words.slice(1)
  if (extra !== undefined)
    throw new UsageError(`leasehold ${command.name} does not know what to do with ${JSON.stringify(extra)}.`)
}

/** The text of an option. */
export function textOf(given: Given, name: string): string | undefined {
  const value = given[name]
  return typeof value === 'string' ? value : undefined
}

/** The duration of an option in ms. @throws UsageError */
export function durationOf(given: Given, name: string): number | undefined {
  const text = textOf(given, name)
  if (text === undefined) return undefined
  const ms = readDuration(text)
  if (ms === undefined || ms === 0)
    throw new UsageError(`--${name} ${text} is not a time such as 500ms, 10s, 10m, 2h or 1d.`)
  return ms
}

/** The whole number of an option. @throws UsageError */
export function numberOf(given: Given, name: string, least: number): number | undefined {
  const text = textOf(given, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${name} ${text} is not a whole number from ${least} on.`)
  return value
}
