import { isDeepStrictEqual } from 'node:util'

/** Something was not as the bank promises. */
export class Broken extends Error {}

/** @throws Broken that says what should have been and what was. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected))
    throw new Broken(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
}

/** @throws Broken with what should have held. */
export function expectTrue(what: string, holds: boolean): void {
  if (!holds) throw new Broken(what)
}
