/** A column: its title, and whether its cells stand on the right. */
export interface Column {
  readonly title: string
  readonly right?: boolean
}

/** Rows under titles, with lines around; `style` colours a cell after it has its width. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: (cell: string, column: number, row: number) => string = (cell) => cell,
): string[] {
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)),
  )
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`
  const line = (cells: readonly string[], row?: number) =>
    `|${columns
      .map(({ right }, at) => {
        const width = widths[at] ?? 0
        const cell = cells[at] ?? ''
        const padded = right ? cell.padStart(width) : cell.padEnd(width)
        return ` ${row === undefined ? padded : style(padded, at, row)} `
      })
      .join('|')}|`
  return [
    rule,
    line(columns.map(({ title }) => title)),
    rule,
    ...rows.map((row, at) => line(row, at)),
    ...(rows.length > 0 ? [rule] : []),
  ]
}

/** At most so many characters, with dots for what was cut off; as it is without a bound. */
export function shorten(text: string, width: number | undefined): string {
  if (width === undefined || text.length <= width) return text
  return width <= 1 ? '…' : `${text.slice(0, width - 1)}…`
}
