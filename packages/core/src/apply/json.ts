import { LeaseholdError } from '../errors.js'

/** A value that survives JSON unchanged. Properties that are undefined count as absent. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

/**
 * `T` where it is JSON, and a type nothing fits where it is not. An interface has no index signature, so `T extends
 * Json` refuses ordinary interfaces; their properties are looked at one by one instead.
 */
export type AsJson<T> = T extends Json | undefined
  ? T
  : T extends bigint | symbol | Date | Map<never, never> | Set<never> | ((...args: never[]) => unknown)
    ? never
    : T extends object
      ? { [K in keyof T]: AsJson<T[K]> }
      : never

/** A value that is not JSON was to enter the log or to leave a command. */
export class NotJsonError extends LeaseholdError {
  constructor(what: string, path: string, found: string) {
    super('NOT_JSON', `${what} is not JSON: ${found} at ${path}. Nothing was written.`)
  }
}

/**
 * Checks that JSON would keep `value` as it is: `JSON.stringify` quietly turns `NaN` into null, dates into strings and
 * maps into `{}`, and replicas would then work on something else than the caller meant.
 *
 * @throws NotJsonError that names the place.
 */
export function assertJson(value: unknown, what: string): void {
  // Almost always it is, and to know at each step where it is not costs more than all else.
  if (!isJson(value, 0)) visit(value, what, '$', [])
}

/** Deeper values are looked at in the other way, which sees cycles. */
const MAX_DEPTH = 32

/** True only if it surely is. */
function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    case 'object':
      break
    default:
      return false
  }
  if (value === null) return true
  if (depth > MAX_DEPTH) return false
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isJson(value[i], depth + 1)) return false
    return true
  }
  if (!isPlain(value) || typeof (value as { toJSON?: unknown }).toJSON === 'function') return false
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key]
    if (item !== undefined && !isJson(item, depth + 1)) return false
  }
  return true
}

/** Also one of another realm, such as a test runner's. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function visit(value: unknown, what: string, path: string, parents: object[]): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      if (!Number.isFinite(value)) throw new NotJsonError(what, path, String(value))
      return
    case 'object':
      break
    default:
      throw new NotJsonError(what, path, value === undefined ? 'undefined' : `a ${typeof value}`)
  }
  if (value === null) return
  if (parents.includes(value)) throw new NotJsonError(what, path, 'a cycle')
  const within = [...parents, value]
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) visit(value[i], what, `${path}[${i}]`, within)
    return
  }
  if (!isPlain(value)) {
    throw new NotJsonError(what, path, `an instance of ${value.constructor?.name ?? 'a class'}`)
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    throw new NotJsonError(what, path, 'an object with toJSON')
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) visit(item, what, `${path}.${key}`, within)
  }
}

/** A deep copy, so that nobody can change the state through a result that points into it. */
export function copyJson<T>(value: T): T {
  return typeof value === 'object' && value !== null ? (JSON.parse(JSON.stringify(value)) as T) : value
}
