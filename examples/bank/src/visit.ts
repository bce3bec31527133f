/**
 * A customer visits the bank, and believes nothing: `node visit.js [options] <url> <url> …`. Each request goes to another
 * instance; none is tried again. Exit code 1, and why, if anything is not as promised.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Broken } from './checks.js'
import { Customer } from './customer.js'
import { type Plan, readPlan, UsageError } from './plan.js'
import { Session } from './session.js'

const PAID_IN = 500_00

/** Goes around the instances: the turn says which is next. */
type At = (turn: number) => string

async function visit({ urls, rounds, leaders, pauseMs }: Plan): Promise<void> {
  const session = new Session(`maya-${randomBytes(4).toString('hex')}`)
  const customer = new Customer(session)
  const at: At = (turn) => urls[turn % urls.length] as string

  say(`${session.customer} visits the bank at ${urls.map(host).join(', ')}`)
  await openAccounts(customer, at)
  for (let round = 1; round <= rounds || customer.terms.size < leaders; round++) {
    await makeTransfer(customer, round, at)
    await sleep(pauseMs)
  }
  await repeatRequests(customer, at)
  for (const url of urls) {
    await customer.audit(url)
    say(`statements and total are right at ${host(url)}`)
  }
  const asked = `${session.asked} requests to ${urls.length} instances`
  const terms = `${customer.terms.size} ${customer.terms.size === 1 ? 'term' : 'terms'}`
  const booked = `${customer.transfers} transfers booked in ${terms}`
  say(`all as promised: ${asked}, ${booked}, longest answer ${Math.round(session.longestMs)} ms`)
}

async function openAccounts(customer: Customer, at: At): Promise<void> {
  for (const [turn, account] of customer.accounts.entries()) {
    await customer.open(account, at(turn))
    say(`opened ${account} at ${host(at(turn))}`)
    await customer.payIn(account, PAID_IN, at(turn + 1))
    say(`paid in ${money(PAID_IN)} at ${host(at(turn + 1))}`)
  }
  await customer.readBalances(at(0))
}

/** There and back again, with an amount that tells the round. */
async function makeTransfer(customer: Customer, round: number, at: At): Promise<void> {
  const [current, savings] = customer.accounts
  const isThere = round % 2 === 1
  const amount = 100 + (round % 100)
  await customer.transfer(isThere ? current : savings, amount, at(round))
  await customer.readBalances(at(round + 1))

  const where = `through ${host(at(round))} in term ${customer.lastTerm}`
  const moved = `${money(amount)} to ${isThere ? 'savings' : 'current'} ${where}`
  const balances = customer.accounts.map((account) => money(customer.balance(account))).join(' and ')
  say(`round ${round}: ${moved}; ${host(at(round + 1))} has ${balances}`)
}

async function repeatRequests(customer: Customer, at: At): Promise<void> {
  const [current] = customer.accounts
  const twice = `through ${host(at(0))} and again through ${host(at(1))}`
  const key = await customer.transferTwice(current, 700, at(0), at(1))
  await customer.readBalances(at(2))
  say(`sent 7.00 with a key ${twice}: one receipt, booked once`)
  await customer.reuseKey(key, current, 701, at(1))
  await customer.readBalances(at(2))
  say(`sent 7.01 with that key through ${host(at(1))}: 422, nothing booked`)
  await customer.overdraw(current, at(0), at(1))
  await customer.readBalances(at(2))
  say(`sent too much with a key ${twice}: 409 both times, nothing booked`)
}

function say(line: string) {
  console.log(line)
}

function host(url: string): string {
  return new URL(url).host
}

function money(cents: number): string {
  return (cents / 100).toFixed(2)
}

/** With all causes: the first says what was not as promised, the others why. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${reason(error.cause)}`
}

try {
  await visit(readPlan(process.argv.slice(2)))
} catch (error) {
  process.exitCode = 1
  if (error instanceof Broken) console.error(`not as promised: ${reason(error)}`)
  else console.error(error instanceof UsageError ? error.message : error)
}
