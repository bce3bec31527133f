const shown = (value) =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : `${Number(value.toPrecision(3))}`

/** One line for each result, under the names of the figures; results with other figures get a table of their own. */
export function resultLines(results) {
  const tables = new Map()
  for (const result of results) {
    const names = Object.keys(result.figures).join()
    tables.set(names, [...(tables.get(names) ?? []), result])
  }
  return [...tables.values()].flatMap((rows) => ['', ...tableLines(rows)])
}

function tableLines(rows) {
  const names = Object.keys(rows[0].figures)
  const cells = [
    ['', ...names],
    ...rows.map(({ name, figures }) => [name, ...names.map((n) => shown(figures[n]))]),
  ]
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  return cells.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('   '),
  )
}

/** Whether a target is met. */
export function verdictOf({ ratio, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }) {
  return ratio >= atLeast && ratio <= atMost
}

export function machineLine({ command, machine: { cpus, cpu, node, loadBefore } }) {
  return `\n${command} on ${cpus} cores (${cpu}), Node ${node}; load average before it ${loadBefore.toFixed(1)}`
}
