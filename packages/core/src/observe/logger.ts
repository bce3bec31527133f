import { Redaction } from './redaction.js'

/** A logger in the shape of pino: fields first, then a message. The library is silent unless it is given one. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** In the order of their weight. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const

const ignore = () => {}

/** Says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/**
 * A logger whose every line says whose it is, with `context` before its own fields, and in which no password of `secrets`
 * and nothing that a Redis client hangs on its errors gets through.
 */
export function contextLogger(logger: Logger, context: object, secrets: readonly string[]): Logger {
  const redaction = new Redaction(secrets)
  const through = (level: (typeof LEVELS)[number]) => (fields: object, message: string) =>
    logger[level]({ ...context, ...redaction.fields(fields) }, redaction.text(message))
  return {
    debug: through('debug'),
    info: through('info'),
    warn: through('warn'),
    error: through('error'),
  }
}
