const HEADER = [
  'row',
  'runs',
  'bit',
  'failed',
  'invalid',
  'left out',
  'requests',
  'errors',
  'lost',
  'seconds',
]

/** One line for each row of the matrix, from what came of its runs; and one for each run that has to be looked at. */
export function soakTable(trials) {
  const rows = [...new Set(trials.map(({ row }) => row))]
  const lines = [
    HEADER,
    ...rows.map((row) =>
      lineOf(
        row,
        trials.filter((trial) => trial.row === row),
      ),
    ),
  ]
  const widths = HEADER.map((_, at) => Math.max(...lines.map((cells) => String(cells[at]).length)))
  const table = lines.map((cells) => cells.map((cell, at) => String(cell).padStart(widths[at])).join('  '))
  return [...table, ...trials.filter((trial) => !isFine(trial)).map(againOf)].join('\n')
}

function lineOf(row, trials) {
  const count = (is) => trials.filter(is).length
  const sum = (name) => trials.reduce((total, { [name]: value = 0 }) => total + value, 0)
  const errors = trials.flatMap(({ errors: counts = {} }) => Object.values(counts))
  return [
    row,
    count(({ leftOut }) => !leftOut),
    count(({ invalid }) => invalid?.length === 0),
    count(hasFailed),
    count(({ invalid }) => invalid?.length > 0),
    count(({ leftOut }) => leftOut),
    sum('requests'),
    errors.reduce((total, some) => total + some, 0),
    sum('lost'),
    Math.round(sum('ms') / 1000),
  ]
}

function hasFailed({ error, problems = [] }) {
  return error !== undefined || problems.length > 0
}

function isFine(trial) {
  return !hasFailed(trial) && !(trial.invalid?.length > 0)
}

function againOf({ row, seed, error, problems = [], invalid = [] }) {
  const what = error ?? problems[0] ?? `did not bite: ${invalid.join(', ')}`
  return `${row} --seed ${seed}: ${what}`
}
