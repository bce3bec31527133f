import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import type { Instance, Reply } from '../support/instances.js'

/** The bank's server, for `startGroup`. */
export const BANK = join(__dirname, '../../examples/bank/dist/server.js')

/** One replica's books. */
export interface Books {
  readonly accounts: number
  readonly total: number
  readonly paidIn: number
  readonly index: number
  /** The statements of the accounts that were asked for. */
  readonly statements: readonly { readonly balance: number; readonly index: number }[]
}

/** What goes along with a request. */
export interface Sent {
  readonly body?: unknown
  readonly key?: string
}

/** A request of a customer at an instance. */
export function as(customer: string) {
  return <B = unknown>(
    instance: Instance,
    method: string,
    path: string,
    { body, key }: Sent = {},
  ): Promise<Reply<B>> =>
    instance.request<B>(method, path, {
      body,
      headers: { authorization: `Bearer ${customer}`, ...(key !== undefined && { 'idempotency-key': key }) },
    })
}

/** The books of every instance, once all have them at one and the same index. */
export async function booksAtOneIndex(
  instances: readonly Instance[],
  customers: readonly string[],
): Promise<Books[]> {
  const booksOf = async (instance: Instance): Promise<Books> => {
    const accounts = customers.flatMap((name) =>
      [`${name}-current`, `${name}-savings`].map((id) => [name, id]),
    )
    const statements = accounts.map(async ([customer = '', id]) => {
      const path = `/accounts/${id}/statement`
      return (await as(customer)<Books['statements'][number]>(instance, 'GET', path)).body
    })
    const { body } = await instance.request<Books>('GET', '/total')
    return { ...body, statements: await Promise.all(statements) }
  }
  return eventually(
    async () => {
      const books = await Promise.all(instances.map(booksOf))
      const indexes = books.flatMap(({ index, statements }) => [index, ...statements.map((one) => one.index)])
      return new Set(indexes).size === 1 && books
    },
    { message: 'all instances to stand at one index' },
  )
}
