/** A logger in the shape of pino: fields first, then a message. The library is silent unless it is given one. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const ignore = () => {}

/** Says nothing. The default. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
