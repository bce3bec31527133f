import type { Product } from './machine.js'

/** The product that a body describes; undefined for anything else. */
export function productIn(body: unknown): Product | undefined {
  const { name, cents, tags = [] } = (body ?? {}) as Record<string, unknown>
  if (typeof name !== 'string' || !Number.isSafeInteger(cents) || !Array.isArray(tags)) return undefined
  if (!tags.every((tag) => typeof tag === 'string')) return undefined
  return { name, cents: cents as number, tags }
}
