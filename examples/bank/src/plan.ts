import { parseArgs } from 'node:util'

const USAGE = `Usage: node visit.js [options] <url> <url> …
  --rounds <n>    transfers to make, each read back at another instance (default 12)
  --leaders <n>   go on with rounds until so many leaders have booked some (default 1): kill one meanwhile
  --pause-ms <n>  wait so long after each round (default 0)`

/** What a visit does. */
export interface Plan {
  readonly urls: readonly string[]
  readonly rounds: number
  readonly leaders: number
  readonly pauseMs: number
}

/** The command line makes no sense. */
export class UsageError extends Error {
  constructor(why: string) {
    super(`${why}\n${USAGE}`)
  }
}

/** @throws UsageError that says how it is done. */
export function readPlan(args: string[]): Plan {
  const { values, positionals: urls } = parse(args)
  const { rounds = '12', leaders = '1', 'pause-ms': pauseMs = '0' } = values
  if (urls.length < 2 || !urls.every((url) => URL.canParse(url)))
    throw new UsageError('At least two instances are needed, by their URLs.')
  if (![rounds, leaders, pauseMs].every((text) => /^\d+$/.test(text)))
    throw new UsageError('Options are whole numbers.')
  return { urls, rounds: Number(rounds), leaders: Number(leaders), pauseMs: Number(pauseMs) }
}

function parse(args: string[]) {
  const number = { type: 'string' } as const
  const options = { rounds: number, leaders: number, 'pause-ms': number }
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
