import { LeaseholdError } from '../errors.js'

/** As servers of different versions say it, of a command and of one within a script. */
const FORBIDDEN = /^NOPERM|executing the script can't|ACL failure in script|[Nn]o permissions/

/** Settles as `reply` does, with an error that says what to do: those of a client say what happened to it. */
export async function plainly<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof LeaseholdError) throw error
    const cause = error as Error
    if (cause.name === 'ReplyError' && FORBIDDEN.test(cause.message)) {
      throw new LeaseholdError(
        'REDIS_FORBIDDEN',
        `The user of this connection to Redis may not do that: ${cause.message}. docs/cli.md has what is needed.`,
        { cause },
      )
    }
    if (cause.name === 'ReplyError')
      throw new LeaseholdError('LOG_REFUSED', `Redis refused that: ${cause.message}. Nothing was changed.`, {
        cause,
      })
    throw new LeaseholdError('REDIS_UNREACHABLE', `Redis did not answer: ${cause.message}`, {
      cause,
      retryable: true,
    })
  }
}
