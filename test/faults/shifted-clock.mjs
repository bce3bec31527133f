// Imported first: everything that asks for the wall clock in this process gets a shifted one, if the test says so.
let shiftMs = 0
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shiftMs)
    else super(...args)
  }

  static now() {
    return RealDate.now() + shiftMs
  }
}

/** Puts this process's clock so far off, and returns what it shows then. */
export function shiftClock(ms) {
  shiftMs = ms
  return Date.now()
}
