import { defineStateMachine } from '@leasehold/core'

/** What a shop asks for with every page. */
export interface Product {
  readonly name: string
  readonly cents: number
  readonly tags: readonly string[]
}

/** Keys are the clients', so each stands behind a sign: `__proto__` is a key like any other. */
export function slot(id: string): string {
  return `=${id}`
}

export const catalogue = defineStateMachine({
  name: 'catalogue',
  version: 1,
  initial: () => ({ products: {} as Record<string, Product> }),
  commands: {
    put(state, { id, product }: { id: string; product: Product }) {
      state.products[slot(id)] = product
    },

    /** Many at once, as an import does. */
    putAll(state, products: readonly { id: string; product: Product }[]) {
      for (const { id, product } of products) state.products[slot(id)] = product
    },
  },
})
