const isTty = process.stdout.isTTY
const inColour = isTty && !process.env.NO_COLOR
const paint = (code, text) => (inColour ? `\u001B[${code}m${text}\u001B[0m` : text)

export const dim = (text) => paint('2', text)
export const bold = (text) => paint('1', text)
export const green = (text) => paint('32', text)
export const red = (text) => paint('31', text)

/** Title of the step under way; on a terminal it stands on the last line until the step ends. */
let current

function drawCurrent() {
  if (isTty && current) process.stdout.write(dim(`  … ${current}`))
}

function eraseCurrent() {
  if (isTty && current) process.stdout.write('\r\u001B[K')
}

export function seconds(elapsedMs) {
  return `${(elapsedMs / 1000).toFixed(elapsedMs < 995 ? 2 : 1)} s`
}

/** Prints a line of its own, also in the middle of a step. */
export function note(text) {
  eraseCurrent()
  process.stdout.write(`${text}\n`)
  drawCurrent()
}

/**
 * Does one thing and prints one line about it: what, the detail given to `say`, and how long it took.
 * Steps do not nest. A failed step passes its error on.
 */
export async function step(title, work) {
  const startedAtMs = performance.now()
  let detail = ''
  current = title
  drawCurrent()
  const finish = (mark) => {
    eraseCurrent()
    current = undefined
    const elapsed = seconds(performance.now() - startedAtMs)
    process.stdout.write(`  ${mark} ${title}${detail && `: ${detail}`} ${dim(`(${elapsed})`)}\n`)
  }
  try {
    const result = await work((text) => {
      detail = text
    })
    finish(green('✓'))
    return result
  } catch (error) {
    finish(red('✗'))
    throw error
  }
}
