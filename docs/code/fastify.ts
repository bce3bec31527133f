/** The app of the pages about Fastify. */
import type { FastifyInstance, RouteHandlerMethod } from 'fastify'

function nodeOf() {
  const stateMachine = defineStateMachine({
    name: 'bank',
    version: 1,
    initial: () => ({ accounts: {} as Record<string, number> }),
    commands: {
      deposit(state, { to, amount }: Deposit) {
        return (state.accounts[to] = (state.accounts[to] ?? 0) + amount)
      },
    },
  })
  return createNode({ group: 'bank', redis: 'redis://127.0.0.1:6379', stateMachine })
}

declare global {
  interface Deposit {
    to: string
    amount: number
  }
  const app: FastifyInstance
  const node: ReturnType<typeof nodeOf>
  const report: () => Promise<string>
  const onHook: RouteHandlerMethod
  // Express has middlewares of these names.
  const leaderOnly: typeof import('@leasehold/fastify').leaderOnly
  const clusterErrors: typeof import('@leasehold/fastify').clusterErrors
  const gracefulShutdown: typeof import('@leasehold/fastify').gracefulShutdown
}
