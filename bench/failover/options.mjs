import { parseArgs } from 'node:util'
import { ScriptError } from '../../scripts/lib/script.mjs'

const EX_USAGE = 64

const NUMBERS = {
  kills: { means: 'kills of the leader, of each kind of group', byDefault: 50 },
  stops: { means: 'graceful stops, of each', byDefault: 20 },
  switchovers: { means: 'planned changes of leader', byDefault: 20 },
  hangs: { means: 'leaders that stand still, at each TTL', byDefault: 5 },
  seed: { means: 'of the pauses between failures', byDefault: 1 },
}

function usage() {
  const numbers = Object.entries(NUMBERS).map(
    ([name, { means, byDefault }]) => `  --${name} N`.padEnd(20) + `${means} (default ${byDefault})`,
  )
  const json = `${'  --json FILE'.padEnd(20)}writes all samples there`
  return ['Usage: npm run bench -- failover [options]', ...numbers, json].join('\n')
}

/** Reads { kills, stops, switchovers, hangs, seed, json } from the arguments. */
export function readOptions(args) {
  const names = Object.keys(NUMBERS)
  const text = Object.fromEntries([...names, 'json'].map((name) => [name, { type: 'string' }]))
  let given
  try {
    given = parseArgs({ args, options: text }).values
  } catch (error) {
    throw new ScriptError(`${error.message}\n\n${usage()}`, EX_USAGE)
  }
  const numbers = names.map((name) => {
    const value = Number(given[name] ?? NUMBERS[name].byDefault)
    if (Number.isInteger(value) && value >= 0) return [name, value]
    throw new ScriptError(
      `--${name} ${String(given[name])}: a whole number is needed.\n\n${usage()}`,
      EX_USAGE,
    )
  })
  return { ...Object.fromEntries(numbers), json: given.json }
}
