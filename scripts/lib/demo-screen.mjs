/**
 * Where the demo shows its progress. On a terminal: a block that is redrawn in place, events scrolling by above it.
 * Anywhere else: a line a second, and a line per event.
 */
import { bold, dim, note, red, seconds } from './step.mjs'

const ESC = '\u001B'
const ESCAPE = `${ESC}[`
const HIDE_CURSOR = `${ESCAPE}?25l`
const SHOW_CURSOR = `${ESCAPE}?25h`
const CLEAR_LINE_END = `${ESCAPE}K`
const CLEAR_BELOW = `${ESCAPE}J`
/** A change of colour, or one character. */
const PIECES = new RegExp(`${ESC}\\[[\\d;]*m|[^${ESC}]`, 'gu')

/** Cuts a line after `columns` visible characters; colours stay whole, so that a cut one still ends. */
export function cut(line, columns) {
  let visible = 0
  return line.replaceAll(PIECES, (piece) => {
    if (piece.startsWith(ESC)) return piece
    visible += 1
    return visible <= columns ? piece : ''
  })
}

function slotLine({ name, role, index, lag }) {
  const isLeader = role === 'leader'
  const title = `  ${name.padEnd(6)} ${role.padEnd(9)}`
  if (index === undefined) return `${role === 'down' ? red(title) : dim(title)}`
  return `${isLeader ? bold(title) : title} applied ${`${index}`.padStart(6)}   lag ${lag}`
}

/** The view as lines of a block; see demo-progress.mjs for its fields. */
export function blockLines(view) {
  const { elapsedMs, durationMs, slots, term, head, acknowledged, errors, failovers } = view
  return [
    '',
    `  ${bold(seconds(elapsedMs))} of ${seconds(durationMs)}   term ${term ?? '-'}   head ${head}   failovers ${failovers}`,
    ...slots.map(slotLine),
    `  writes/s ${bold(`${view.writesPerSecond}`)}   reads/s ${view.readsPerSecond}   acknowledged ${acknowledged}   client errors ${errors}`,
  ]
}

/** The view as one line of text. */
export function plainLine(view) {
  const { elapsedMs, slots, term, head, writesPerSecond, readsPerSecond, errors } = view
  const leader = slots.find(({ role }) => role === 'leader')?.name ?? 'nobody'
  const lags = slots.map(({ name, role, lag }) => `${name} ${lag ?? role}`).join(', ')
  return (
    `${seconds(elapsedMs).padStart(8)}  leader ${leader}  term ${term ?? '-'}  head ${head}  lag: ${lags}  ` +
    `writes/s ${writesPerSecond}  reads/s ${readsPerSecond}  errors ${errors}`
  )
}

function terminalScreen(output) {
  let height = 0
  let lines = []
  // One write a change: a terminal that shows half of it flickers.
  const redraw = (above = []) => {
    const { columns = 80, rows = 24 } = output
    const block = lines.slice(0, rows - 1)
    const text = [...above, ...block].map((line) => `${cut(line, columns - 1)}${CLEAR_LINE_END}\n`).join('')
    output.write(`${height > 0 ? `${ESCAPE}${height}A` : ''}\r${text}${CLEAR_BELOW}`)
    height = block.length
  }
  const showCursor = () => output.write(SHOW_CURSOR)
  output.write(HIDE_CURSOR)
  process.once('exit', showCursor)
  return {
    intervalMs: 200,
    update(view) {
      lines = blockLines(view)
      redraw()
    },
    event: (text) => redraw([text]),
    close() {
      process.off('exit', showCursor)
      // A Ctrl-C may have left its ^C here.
      output.write(`\r${CLEAR_LINE_END}${SHOW_CURSOR}`)
    },
  }
}

const plainScreen = {
  intervalMs: 1000,
  update: (view) => note(plainLine(view)),
  event: note,
  close() {},
}

/** Opens { intervalMs, update(view), event(text), close() }; after `close` the last block stays where it is. */
export function openScreen(output = process.stdout) {
  return output.isTTY && process.env.TERM !== 'dumb' ? terminalScreen(output) : plainScreen
}
