/** The demo's command line. */
import { parseArgs } from 'node:util'
import { EX_USAGE, ScriptError, typedCommand } from './script.mjs'

/** What each number means, its default, and the least that the demo makes sense with. */
const NUMBERS = {
  seconds: { means: 'how long the load runs', byDefault: 20, least: 5 },
  instances: { means: 'processes of the kv example', byDefault: 3, least: 2 },
  ttl: { means: 'TTL of the lease in ms', byDefault: 1000, least: 500 },
}

function usage() {
  const numbers = Object.entries(NUMBERS).map(
    ([name, { means, byDefault, least }]) =>
      `  --${name} N`.padEnd(18) + `${means} (default ${byDefault}, at least ${least})`,
  )
  const install = `${'  --install'.padEnd(18)}may install a Redis server with the system's package manager`
  return [`Usage: ${typedCommand().withOption}[options]`, ...numbers, install].join('\n')
}

function complain(problem) {
  throw new ScriptError(`${problem}\n\n${usage()}`, EX_USAGE)
}

function parse(args) {
  const numbers = Object.fromEntries(Object.keys(NUMBERS).map((name) => [name, { type: 'string' }]))
  try {
    return parseArgs({ args, options: { ...numbers, install: { type: 'boolean' } } }).values
  } catch (error) {
    return complain(error.message)
  }
}

/** Reads { durationMs, count, leaseTtlMs, install } from the arguments. */
export function readOptions(args) {
  const given = parse(args)
  const number = (name) => {
    const { byDefault, least } = NUMBERS[name]
    const value = given[name] === undefined ? byDefault : Number(given[name])
    if (Number.isInteger(value) && value >= least) return value
    return complain(`--${name} ${given[name]}: a whole number of at least ${least} is needed.`)
  }
  return {
    durationMs: number('seconds') * 1000,
    count: number('instances'),
    leaseTtlMs: number('ttl'),
    install: given.install ?? false,
  }
}
