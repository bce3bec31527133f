/** The small charts: values of the last two minutes as a line, changes of leader as bars. */

/** @import { Answer } from './types.js' */
import { find, make, write } from './dashboard-page.js'
import { count, duration, NONE, small } from './dashboard-text.js'

const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 240
const HEIGHT = 42
const WINDOW_MS = 120_000
/** A hole in the line where nothing was heard for so long. */
const HOLE_MS = 3000
const BARS = 24
const RATE_OVER_MS = 2000
const CALM_MS = 5000

const calm = matchMedia('(prefers-reduced-motion: reduce)')

/**
 * @typedef {{ atMs: number, value: number }} Point
 * @typedef {{ short: string, index?: string, what: string, say: (value: number) => string, value: (answer: Answer) => number | null }} Kind
 */

/** @param {'request' | 'copy' | 'recover' | 'total'} index @param {string} what @returns {Kind} */
function time(index, what) {
  return { short: 'T', index, what, say: duration, value: ({ status }) => status[`${index}Ms`] }
}

/** @type {readonly Kind[]} */
const KINDS = [
  time('request', 'write to acknowledgement'),
  time('copy', 'until every replica has it'),
  time('recover', 'the last changes of leader'),
  time('total', 'sum of the three'),
  { short: 'C', what: 'mean entries behind', say: small, value: ({ status }) => status.inconsistency },
  { short: 'Head', what: 'new entries a second', say: (value) => `${count(value)}/s`, value: headRate() },
]

/** Entries a second over the last two seconds; null where the log went back. */
function headRate() {
  /** @type {{ atMs: number, head: number }[]} */
  let seen = []
  return (/** @type {Answer} */ { status, atMs }) => {
    if (!status.group) return null
    seen = seen.filter((one) => atMs - one.atMs <= RATE_OVER_MS)
    seen.push({ atMs, head: status.group.head })
    const first = seen[0]
    if (!first || first.atMs === atMs) return null
    const rate = ((status.group.head - first.head) * 1000) / (atMs - first.atMs)
    return rate < 0 ? null : rate
  }
}

/** @param {string} tag @param {Record<string, string | number>} attributes */
function drawn(tag, attributes) {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  return element
}

class Chart {
  /** @type {Point[]} */
  #points = []
  #drawnAtMs = -Infinity
  /** @type {number | null} */
  latest = null
  #kind
  #value = make('span', { class: 'number' }, [NONE])
  #most = make('small', { class: 'number' }, ['\u00a0'])
  #svg = drawn('svg', {
    class: 'line',
    role: 'img',
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
  })

  /** @param {Kind} kind */
  constructor(kind) {
    this.#kind = kind
    const name = make('b', {}, [kind.short])
    if (kind.index) name.append(make('sub', {}, [kind.index]))
    const caption = make('figcaption', {}, [name, make('span', { class: 'quiet' }, [kind.what])])
    const value = make('div', { class: 'value' }, [this.#value, this.#most])
    find('charts').append(make('figure', { class: 'card' }, [caption, value]))
    find('charts').lastElementChild?.append(this.#svg)
  }

  /** @param {Answer} answer */
  add(answer) {
    const { atMs, status } = answer
    const value = this.#kind.value(answer)
    this.latest = value
    this.#points = this.#points.filter((point) => atMs - point.atMs <= WINDOW_MS)
    if (value !== null) this.#points.push({ atMs, value })
    write(this.#value, value === null ? NONE : this.#kind.say(value))
    // A line that moves all the time is motion, too.
    if (calm.matches && atMs - this.#drawnAtMs < CALM_MS) return
    this.#drawnAtMs = atMs
    if (this.#kind.index === 'recover') this.#drawBars(recoveries(status.group?.history ?? []))
    else this.#drawLine(atMs)
  }

  /** @param {readonly number[]} values the newest last */
  #drawBars(values) {
    const most = Math.max(0, ...values)
    write(this.#most, values.length === 0 ? '\u00a0' : `longest ${duration(most)}`)
    this.#svg.setAttribute(
      'aria-label',
      values.length === 0
        ? 'No change of leader yet'
        : `The last changes took ${values.map(duration).join(', ')}`,
    )
    const step = WIDTH / BARS
    const bars = values.map((value, at) => {
      const height = Math.max(2, (value / (most || 1)) * (HEIGHT - 3))
      const x = WIDTH - (values.length - at) * step
      return drawn('rect', { class: 'bar', x: x + 1.5, y: HEIGHT - height, width: step - 3, height })
    })
    this.#svg.replaceChildren(...bars)
  }

  /** @param {number} nowMs */
  #drawLine(nowMs) {
    const points = this.#points
    const values = points.map(({ value }) => value)
    const last = values.at(-1)
    if (last === undefined) {
      this.#svg.setAttribute('aria-label', 'Nothing measured in the last two minutes')
      return this.#svg.replaceChildren()
    }
    const most = Math.max(...values)
    const { say } = this.#kind
    write(this.#most, `up to ${say(most)}`)
    this.#svg.setAttribute(
      'aria-label',
      `Over the last two minutes from ${say(Math.min(...values))} to ${say(most)}, now ${say(last)}`,
    )
    const stroke = drawn('path', { class: 'stroke', d: '' })
    const area = drawn('path', { class: 'area', d: '' })
    for (const run of runs(points)) {
      const line = run.map(({ atMs, value }) => {
        const x = WIDTH * (1 - (nowMs - atMs) / WINDOW_MS)
        return `${x.toFixed(1)} ${(HEIGHT - 2 - (value / (most || 1)) * (HEIGHT - 5)).toFixed(1)}`
      })
      const [from, to] = [line[0], line.at(-1)].map((at) => at?.split(' ')[0])
      append(stroke, `M${line.join('L')}`)
      append(area, `M${from} ${HEIGHT}L${line.join('L')}L${to} ${HEIGHT}Z`)
    }
    this.#svg.replaceChildren(area, stroke)
  }
}

/** @param {Element} path @param {string} more */
function append(path, more) {
  path.setAttribute('d', `${path.getAttribute('d')}${more}`)
}

/** How long the last changes of leader took, the newest last. @param {readonly { readonly recoverMs: number | null }[]} history */
function recoveries(history) {
  return history
    .map(({ recoverMs }) => recoverMs)
    .filter((value) => value !== null)
    .slice(0, BARS)
    .toReversed()
}

/** The points cut into runs without a hole. @param {readonly Point[]} points */
function runs(points) {
  /** @type {Point[][]} */
  const found = []
  for (const point of points) {
    const run = found.at(-1)
    const before = run?.at(-1)
    if (run && before && point.atMs - before.atMs <= HOLE_MS) run.push(point)
    else found.push([point])
  }
  return found
}

/** Draws the charts, and has them grow with every answer. */
export class Charts {
  #charts = KINDS.map((kind) => new Chart(kind))

  /** @param {Answer} answer */
  add(answer) {
    for (const chart of this.#charts) chart.add(answer)
    const rate = this.#charts.at(-1)?.latest ?? null
    write('head-rate', rate === null ? '\u00a0' : `${count(rate)} new a second`)
  }
}
