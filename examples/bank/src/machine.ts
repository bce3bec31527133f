import { CommandError, defineStateMachine } from '@leasehold/core'

/** How many of its last transfers an account remembers. */
const REMEMBERED_TRANSFERS = 20

/** What is replicated. All amounts are whole cents. */
export interface BankState {
  accounts: Record<string, Account>
  /** All that was ever paid in. Transfers move money and make none, so it is also what all accounts hold together. */
  paidIn: number
}

/** An account. Only its owner sees it, and sends money from it. */
export interface Account {
  owner: string
  balance: number
  /** The last ones that it took part in, newest last. */
  transfers: Transfer[]
}

/** A transfer as both sides may see it. */
export interface Transfer {
  id: string
  from: string
  to: string
  amount: number
  /** Log time in ms since 1970. */
  time: number
}

/** What the sender of a transfer gets: `balance` is what it left. */
export interface Receipt {
  id: string
  from: string
  to: string
  amount: number
  balance: number
}

/** Who asks for it, always: who may do what is decided in the order of the log, where the state is what it is. */
interface ByCustomer {
  customer: string
}

/**
 * The bank. Its commands run on every replica, in the order of the log, so they compute from state, argument and context
 * alone; and they check first and change after, since nobody takes a change back. Requests are checked by the routes.
 */
export const bank = defineStateMachine({
  name: 'example-bank', // the README's own app is a bank too, and no replica of this one
  version: 1,
  initial: (): BankState => ({ accounts: {}, paidIn: 0 }),
  commands: {
    /** Opens an account; one that the customer has already stays as it is. */
    open(state, { customer, id }: ByCustomer & { id: string }) {
      const present = find(state, id)
      if (present && present.owner !== customer)
        throw new CommandError(`${id} belongs to somebody else`, { reason: 'ACCOUNT_TAKEN' })
      const { balance } = (state.accounts[id] = present ?? { owner: customer, balance: 0, transfers: [] })
      return { isNew: !present, balance }
    },

    /** Answers the new balance. */
    deposit(state, { customer, to, amount }: ByCustomer & { to: string; amount: number }) {
      const account = accountOf(state, customer, to)
      if (!account) throw noSuchAccount(to)
      // No account can hold more than all do, so this bounds every sum: beyond it cents would be rounded away.
      if (!Number.isSafeInteger(state.paidIn + amount))
        throw new CommandError('The bank can count no further', { reason: 'TOO_MUCH_MONEY' })
      state.paidIn += amount
      return (account.balance += amount)
    },

    transfer(
      state,
      { customer, from, to, amount }: ByCustomer & { from: string; to: string; amount: number },
      ctx,
    ): Receipt {
      const source = accountOf(state, customer, from)
      const target = find(state, to)
      if (!source) throw noSuchAccount(from)
      if (!target) throw noSuchAccount(to)
      if (source.balance < amount)
        throw new CommandError(`${from} holds ${source.balance}, which is less than ${amount}`, {
          reason: 'INSUFFICIENT_FUNDS',
        })
      source.balance -= amount
      target.balance += amount
      const id = ctx.uuid() // the same on every replica, as is the time
      remember(source, { id, from, to, amount, time: ctx.time })
      remember(target, { id, from, to, amount, time: ctx.time })
      return { id, from, to, amount, balance: source.balance }
    },
  },
})

export type BankCommands = typeof bank.commands

/** A customer's own account. Those of others do not exist for it. */
export function accountOf(state: BankState, customer: string, id: string): Account | undefined {
  const account = find(state, id)
  return account?.owner === customer ? account : undefined
}

/** Ids are the customers': `constructor` is one like any other. */
function find({ accounts }: BankState, id: string): Account | undefined {
  return Object.hasOwn(accounts, id) ? accounts[id] : undefined
}

function noSuchAccount(id: string): CommandError {
  return new CommandError(`There is no account ${id}`, { reason: 'NO_SUCH_ACCOUNT' })
}

function remember(account: Account, transfer: Transfer) {
  account.transfers.push(transfer)
  if (account.transfers.length > REMEMBERED_TRANSFERS) account.transfers.shift()
}
