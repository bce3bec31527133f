import { randomUUID } from 'node:crypto'
import { expectEqual, expectTrue } from './checks.js'
import type { Session } from './session.js'

/** How many transfers the bank has on a statement. */
const STATEMENT_LENGTH = 20

/** The part of a transfer that its receipt and statements have in common. */
interface Transfer {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly amount: number
}

/** What the bank answers to a transfer. */
type Receipt = Transfer & { readonly balance: number }

/** What the bank answers to what it refuses. */
interface Refused {
  readonly error: { readonly code: string; readonly reason?: string }
}

/**
 * A customer with two accounts who keeps books of its own, and compares. Nobody else knows the accounts, so each balance
 * is exactly what its books say: less would be money lost or seen too late, more would be money booked twice.
 */
export class Customer {
  readonly accounts: readonly [current: string, savings: string]
  /** The terms of the leaders that have booked something. */
  readonly terms = new Set<number>()
  readonly #session: Session
  readonly #balances = new Map<string, number>()
  readonly #transfers: Transfer[] = []

  constructor(session: Session) {
    this.#session = session
    this.accounts = [`${session.customer}-current`, `${session.customer}-savings`]
  }

  /** How many transfers the customer has made. */
  get transfers(): number {
    return this.#transfers.length
  }

  /** Whose leader booked the last one. */
  get lastTerm(): number {
    return Math.max(...this.terms)
  }

  /** What an account holds by the customer's own books, in cents. */
  balance(account: string): number {
    return this.#balances.get(account) ?? 0
  }

  async open(account: string, url: string): Promise<void> {
    const { body } = await this.#session.ask(url, 'PUT', `/accounts/${account}`, { status: 201 })
    expectEqual(`a new account at ${url}`, body, { id: account, balance: 0 })
  }

  async payIn(account: string, amount: number, url: string): Promise<void> {
    const path = `/accounts/${account}/deposits`
    const { body } = await this.#session.ask(url, 'POST', path, { status: 201, body: { amount } })
    this.#balances.set(account, this.balance(account) + amount)
    expectEqual(`the answer to a deposit at ${url}`, body, { id: account, balance: this.balance(account) })
  }

  /** Sends money to the other account, and takes down what the receipt says. */
  async transfer(from: string, amount: number, url: string, key?: string): Promise<Receipt> {
    const sent = { from, to: this.#other(from), amount }
    const { body: receipt, term } = await this.#post(url, sent, key)
    this.#balances.set(from, this.balance(from) - amount)
    this.#balances.set(sent.to, this.balance(sent.to) + amount)
    expectEqual(`the receipt from ${url}`, receipt, {
      ...sent,
      id: receipt.id,
      balance: this.balance(from),
    })
    expectTrue(`receipt ${receipt.id} was given twice`, !this.#transfers.some(({ id }) => id === receipt.id))
    this.#transfers.push({ id: receipt.id, ...sent })
    this.terms.add(term)
    return receipt
  }

  /** Reads both balances at an instance. */
  async readBalances(url: string): Promise<void> {
    for (const account of this.accounts) {
      const { body } = await this.#session.ask<{ balance: number }>(url, 'GET', `/accounts/${account}`)
      expectEqual(`the balance of ${account} at ${url}`, body.balance, this.balance(account))
    }
  }

  /** Makes one transfer twice, by one key, through two instances. */
  async transferTwice(from: string, amount: number, url: string, otherUrl: string): Promise<string> {
    const key = randomUUID()
    const receipt = await this.transfer(from, amount, url, key)
    const { body } = await this.#post(otherUrl, { from, to: this.#other(from), amount }, key)
    expectEqual(`the receipt of the repeat at ${otherUrl}`, body, receipt)
    return key
  }

  /** Sends another amount by a key that a transfer had already. */
  async reuseKey(key: string, from: string, amount: number, url: string): Promise<void> {
    const { error } = await this.#refused(url, { from, to: this.#other(from), amount }, 422, key)
    expectEqual(`the refusal of a used key at ${url}`, error.code, 'KEY_REUSED')
  }

  /** Sends more than there is, twice by one key. */
  async overdraw(from: string, url: string, otherUrl: string): Promise<void> {
    const sent = { from, to: this.#other(from), amount: this.balance(from) + 1 }
    const key = randomUUID()
    const first = await this.#refused(url, sent, 409, key)
    expectEqual(`the refusal at ${url}`, first.error.reason, 'INSUFFICIENT_FUNDS')
    const again = await this.#refused(otherUrl, sent, 409, key)
    expectEqual(`the refusal of the repeat at ${otherUrl}`, again, first)
  }

  /** Compares the statements of an instance with the own books, and what it holds with what was paid in. */
  async audit(url: string): Promise<void> {
    for (const account of this.accounts) {
      const path = `/accounts/${account}/statement`
      const { body } = await this.#session.ask<{ balance: number; transfers: Transfer[] }>(url, 'GET', path)
      const stated = body.transfers.map(({ id, from, to, amount }) => ({ id, from, to, amount }))
      expectEqual(`the statement of ${account} at ${url}`, stated, this.#transfers.slice(-STATEMENT_LENGTH))
      expectEqual(`the balance on the statement of ${account} at ${url}`, body.balance, this.balance(account))
    }
    const { body } = await this.#session.ask<{ total: number; paidIn: number }>(url, 'GET', '/total')
    expectEqual(`what all accounts hold at ${url}`, body.total, body.paidIn)
  }

  #other(account: string): string {
    const [current, savings] = this.accounts
    return account === current ? savings : current
  }

  #post(url: string, body: object, key?: string) {
    const ask = { status: 201, body, ...(key !== undefined && { key }) }
    return this.#session.ask<Receipt>(url, 'POST', '/transfers', ask)
  }

  async #refused(url: string, body: object, status: number, key: string): Promise<Refused> {
    return (await this.#session.ask<Refused>(url, 'POST', '/transfers', { status, body, key })).body
  }
}
