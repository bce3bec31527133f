/** How numbers, times and names are written. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const oneDigit = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const twoDigits = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

export const NONE = '–'

/** @param {number} value */
export function count(value) {
  return whole.format(value)
}

/** A number of which the first two or three digits matter. @param {number} value */
export function small(value) {
  return Number.isInteger(value) ? whole.format(value) : fraction(value)
}

/** @param {number} value */
function fraction(value) {
  return (value < 10 ? twoDigits : value < 100 ? oneDigit : whole).format(value)
}

/** @param {number} ms */
export function duration(ms) {
  return ms < 10_000 ? `${small(ms)} ms` : `${oneDigit.format(ms / 1000)} s`
}

/** How long something has lasted, by its two largest units. @param {number} ms */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** The time of day, with the day unless that is today. @param {number} atMs */
export function moment(atMs) {
  const at = new Date(atMs)
  const isToday = at.toDateString() === new Date().toDateString()
  return isToday ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`
}

/**
 * What people call the instance with this id. One that is gone is in no list any more: an id is the name with a nonce.
 *
 * @param {string} id
 * @param {readonly { readonly id: string, readonly name: string }[]} members
 */
export function nameOf(id, members) {
  return members.find((member) => member.id === id)?.name ?? id.replace(/-[0-9a-f]{10}$/, '')
}

/** Why the leader before does not lead any more. A reason that this page does not know is shown as it is. */
const REASONS = new Map([
  ['deposed', 'process gone'],
  ['expired', 'lease expired'],
  ['hung', 'event loop hung'],
  ['fenced', 'fenced by a newer term'],
  ['disconnected', 'connection to the log lost'],
  ['switchover', 'switchover'],
  ['stopped', 'stopped'],
])

/** @param {string | null} reason */
export function why(reason) {
  return reason === null ? 'first leader' : (REASONS.get(reason) ?? reason)
}

/** Whether somebody meant it to happen. @param {string | null} reason */
export function isPlanned(reason) {
  return reason === null || reason === 'switchover' || reason === 'stopped'
}
