/**
 * What the compiler must let through, and what it must refuse: `tsc -p tsconfig.test.json` is the test. Nothing here runs.
 */
import {
  CommandError,
  type Committed,
  createNode,
  type Ctx,
  defineStateMachine,
  type ElectionNode,
} from '@leasehold/core'

/** True where the two are the same type; `any` is the same as nothing else. */
type Same<A, B> = [A, B] extends [B, A] ? (IsAny<A> extends IsAny<B> ? true : false) : false
type IsAny<T> = 0 extends 1 & T ? true : false

const initial = () => ({ accounts: {} as Record<string, number>, log: [] as string[] })
const head = { name: 'm', version: 1, initial }

/** An interface, which has no index signature, and optional properties: JSON all the same. */
interface Transfer {
  from: string
  to: string
  amount: number
  note?: string
  tags?: { name: string }[]
}

const bank = defineStateMachine({
  ...head,
  commands: {
    deposit(state, { to, amount }: { to: string; amount: number }) {
      return (state.accounts[to] = (state.accounts[to] ?? 0) + amount)
    },
    transfer(state, transfer: Transfer, ctx) {
      state.log.push(`${transfer.amount} ${ctx.uuid()}`)
      return { transfer, at: ctx.time, tags: transfer.tags ?? null }
    },
    rename(state, name: string) {
      state.log.push(name)
    },
    either: (_state, value: string | number | null) => value,
    clear(state) {
      state.accounts = {}
    },
    count: (state) => state.log.length,
    nothing: () => 'no state, no argument',
    stamp: (_state, _args: undefined, ctx) => ctx.index,
    typed(state: ReturnType<typeof initial>, to: string, ctx: Ctx) {
      return [state.accounts[to] ?? 0, ctx.random()] as const
    },
  },
})

const node = createNode({ group: 'g', redis: 'redis://127.0.0.1', stateMachine: bank })
const elects: ElectionNode = createNode({ group: 'g', redis: { host: 'a' } })

export async function inferred(): Promise<void> {
  const deposited = await node.write('deposit', { to: 'a', amount: 5 })
  void (true satisfies Same<typeof deposited, number>)
  const transferred = await node.write('transfer', { from: 'a', to: 'b', amount: 5 })
  void (true satisfies Same<
    typeof transferred,
    { transfer: Transfer; at: number; tags: { name: string }[] | null }
  >)
  const renamed = await node.write('rename', 'x')
  void (true satisfies Same<typeof renamed, void>)
  const either = await node.write('either', null)
  void (true satisfies Same<typeof either, string | number | null>)
  const cleared = await node.write('clear')
  void (true satisfies Same<typeof cleared, void>)
  const counted = await node.write('count')
  void (true satisfies Same<typeof counted, number>)
  const nothing = await node.write('nothing')
  void (true satisfies Same<typeof nothing, string>)
  const typed = await node.write('typed', 'a')
  void (true satisfies Same<typeof typed, readonly [number, number]>)
  const committed = await node.submit('count')
  void (true satisfies Same<typeof committed, Committed<number>>)
  const balance = node.read((state) => state.accounts['a'])
  void (true satisfies Same<typeof balance, number | undefined>)
  const index = node.read((_state, at) => at.index)
  void (true satisfies Same<typeof index, number>)
  const lines = await node.readAt({ consistency: 'local' }, (state) => state.log)
  void (true satisfies Same<typeof lines, string[]>)
}

export async function optionsComeLast(): Promise<void> {
  await node.write('deposit', { to: 'a', amount: 5 }, { writeConcern: 'log' })
  await node.write('count', undefined, { writeConcern: { replicas: 2 } })
  await node.write('stamp', undefined, {})
  // @ts-expect-error options take the place of the argument
  await node.write('count', { writeConcern: 'log' })
  // @ts-expect-error there is no such write concern
  await node.write('deposit', { to: 'a', amount: 5 }, { writeConcern: 'all' })
  // @ts-expect-error there is no such option
  await node.write('deposit', { to: 'a', amount: 5 }, { timeout: 5 })
}

export async function wrongCalls(): Promise<void> {
  // @ts-expect-error there is no such command
  await node.write('withdraw', { from: 'a', amount: 5 })
  // @ts-expect-error names that every object has are no commands
  await node.write('toString')
  // @ts-expect-error an amount is a number
  await node.write('deposit', { to: 'a', amount: '5' })
  // @ts-expect-error the amount is missing
  await node.write('deposit', { to: 'a' })
  // @ts-expect-error there is no such property
  await node.write('deposit', { to: 'a', amount: 5, from: 'b' })
  // @ts-expect-error the argument is missing
  await node.write('deposit')
  // @ts-expect-error it takes no argument
  await node.write('clear', 'everything')
  // @ts-expect-error another command's argument
  await node.submit('rename', { to: 'a', amount: 5 })
  // @ts-expect-error the state has no such property
  node.read((state) => state.balance)
  // @ts-expect-error there is no such consistency
  await node.readAt({ consistency: 'strong' }, (state) => state.log)
}

export function withoutStateMachine(): void {
  // @ts-expect-error an instance that only elects does not write
  void elects.write
  // @ts-expect-error nor does it read
  void elects.read
  const isLeader: boolean = elects.isLeader
  void isLeader
  // A node with a replica can stand where one that only elects is asked for.
  const both: ElectionNode = node
  void both
}

export function commandsWithLittleToSayOfTheirResult(): void {
  defineStateMachine({
    ...head,
    commands: {
      alwaysRefuses(_state, why: string) {
        throw new CommandError(why)
      },
      // What is `any` cannot be checked; it is let through here as it is everywhere else.
      anything: (_state, text: string) => JSON.parse(text),
    },
  })
}

export function commandsThatCannotWork(): void {
  // @ts-expect-error every replica must compute the same from the entry alone
  defineStateMachine({ ...head, commands: { put: async (state) => state.log.length } })
  // @ts-expect-error a promise is one, however it comes about
  defineStateMachine({ ...head, commands: { put: (state) => Promise.resolve(state.log.length) } })
  // @ts-expect-error a Date is not JSON
  defineStateMachine({ ...head, commands: { put: (_state, _when: Date) => 1 } })
  // @ts-expect-error nor is one inside of something
  defineStateMachine({ ...head, commands: { put: (_state, _args: { at: { when: Date }[] }) => 1 } })
  // @ts-expect-error nor is a Map
  defineStateMachine({ ...head, commands: { put: (_state, _args: Map<string, string>) => 1 } })
  // @ts-expect-error nor is a Set
  defineStateMachine({ ...head, commands: { put: (_state, _args: { ids: Set<string> }) => 1 } })
  // @ts-expect-error nor is a bigint
  defineStateMachine({ ...head, commands: { put: (_state, _args: { n: bigint }) => 1 } })
  // @ts-expect-error nor is a function
  defineStateMachine({ ...head, commands: { put: (_state, _args: { then: () => void }) => 1 } })
  // @ts-expect-error nor is a symbol
  defineStateMachine({ ...head, commands: { put: (_state, _args: symbol) => 1 } })
  // @ts-expect-error and all this holds for results: a Date
  defineStateMachine({ ...head, commands: { put: () => new Date() } })
  // @ts-expect-error a Map inside of something
  defineStateMachine({ ...head, commands: { put: () => ({ seen: new Map<string, number>() }) } })
  // @ts-expect-error a bigint
  defineStateMachine({ ...head, commands: { put: () => 1n } })
  // @ts-expect-error a function
  defineStateMachine({ ...head, commands: { put: () => () => 1 } })
  // @ts-expect-error the state is what initial makes
  defineStateMachine({ ...head, commands: { put: (state: { other: number }) => state.other } })
  // @ts-expect-error a context has no clock of its own
  defineStateMachine({ ...head, commands: { put: (_state, _args: undefined, ctx) => ctx.now() } })
  // @ts-expect-error commands are functions
  defineStateMachine({ ...head, commands: { put: 5 } })
}

export function wrongOptions(): void {
  // @ts-expect-error the group is missing
  createNode({ redis: 'redis://a' })
  // @ts-expect-error Redis is missing
  createNode({ group: 'g' })
  // @ts-expect-error there is no such option
  createNode({ group: 'g', redis: 'redis://a', ttl: 5 })
  // @ts-expect-error a name says its unit: ttlMs
  createNode({ group: 'g', redis: 'redis://a', lease: { ttl: 5 } })
}

export function events(): void {
  node.on('elected', ({ term, recoverMs }) => void (term + recoverMs))
  node.on('leaderChanged', ({ leader }) => void leader?.url)
  node.on('diverged', ({ lost, agreedIndex, position }) => void (lost + agreedIndex + position.index))
  node.whileLeader(async ({ signal, term }) => void (signal.aborted && term))
  // @ts-expect-error there is no such event
  node.on('leader', () => {})
  // @ts-expect-error it carries no such thing
  node.on('demoted', ({ leader }) => void leader)
}

/** Changes are told apart by their command. */
export async function changes(): Promise<void> {
  for await (const change of node.changes({ after: node.position, signal: AbortSignal.abort() })) {
    if (change.type === 'reset') {
      void change.position.index
      // @ts-expect-error a reset is of no command
      void change.command
      continue
    }
    if (change.command === 'deposit') {
      void (true satisfies Same<typeof change.args, { to: string; amount: number }>)
      if (change.outcome === 'ok') void (true satisfies Same<typeof change.result, number>)
      else if (change.outcome === 'rejected') void (change.error satisfies CommandError)
      // @ts-expect-error it is not known yet that there is a result
      void change.result
    } else if (change.command === 'clear') void (true satisfies Same<typeof change.args, undefined>)
    // @ts-expect-error there is no such command
    else if (change.command === 'nonsense') void change
  }
  // @ts-expect-error without a state machine nothing is applied
  void elects.changes()
}
