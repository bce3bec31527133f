import createDebug from 'debug'
import { LEVELS, type Logger } from './logger.js'
import { isError } from './redaction.js'

/**
 * Writes to standard error what `DEBUG=leasehold:*` asks for, by the package `debug`; nothing without that. Each level is a
 * namespace, so `DEBUG=leasehold:*,-leasehold:debug` leaves out what only its developers want to know.
 */
export function debugLogger(): Logger {
  const entries = LEVELS.map((level) => {
    const debug = createDebug(`leasehold:${level}`)
    const write = (fields: object, message: string) => {
      if (debug.enabled) debug('%s', lineOf(fields, message))
    }
    return [level, write] as const
  })
  return Object.fromEntries(entries) as unknown as Logger
}

/** The message, then the fields as `key=value`, on one line. */
function lineOf(fields: object, message: string): string {
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]: [string, unknown]) => `${key}=${textOf(value)}`)
  return [message, ...shown].join(' ')
}

function textOf(value: unknown): string {
  if (isError(value)) return JSON.stringify(value.message)
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return value
  return JSON.stringify(value) ?? String(value)
}
