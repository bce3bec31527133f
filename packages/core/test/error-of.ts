/** The error that a promise rejects with: an object with whatever it carries besides. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    (value) => {
      throw new Error(`No error, but ${String(value)}`)
    },
    (error: Error) => error,
  )
}
