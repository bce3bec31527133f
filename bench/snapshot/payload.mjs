import { createHash } from 'node:crypto'

/** Bytes of a key and its value in the state as JSON, about. */
export const BYTES = 200

/** What the write with this number stores. Text that compresses as little as real data does, or less. */
export function argumentsOf(at, keys) {
  const key = `key-${at % keys}`
  return { key, value: createHash('shake256', { outputLength: 132 }).update(`${at}`).digest('base64') }
}
