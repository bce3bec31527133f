import type { ReplicatedNode } from '@leasehold/core'
import { consistentReads } from '@leasehold/express'
import { type Request, Router } from 'express'
import { type Account, accountOf, type BankCommands, type BankState } from './machine.js'
import {
  accountInBody,
  accountInPath,
  amountInBody,
  badRequest,
  mustBeCustomer,
  Refusal,
} from './requests.js'

type BankNode = ReplicatedNode<BankState, BankCommands>

/**
 * The routes of the bank. None of them knows who leads: a handler that writes runs on the leader, and its writes take
 * effect once, however often the request was sent. A command's refusal reaches `clusterErrors`, which answers 409 with it.
 */
export function bankRoutes(node: BankNode): Router {
  const router = Router()
  /** What is read then is no older than the request, on every instance. */
  const exact = consistentReads(node, { consistency: 'linearizable' })

  router.put('/accounts/:id', async (req, res) => {
    const id = accountInPath(req)
    const { isNew, balance } = await node.write('open', { customer: mustBeCustomer(req), id })
    res.status(isNew ? 201 : 200).json({ id, balance })
  })

  router.post('/accounts/:id/deposits', async (req, res) => {
    const [customer, id, amount] = [mustBeCustomer(req), accountInPath(req), amountInBody(req)]
    const balance = await node.write('deposit', { customer, to: id, amount })
    res.status(201).json({ id, balance })
  })

  router.post('/transfers', async (req, res) => {
    const [customer, amount] = [mustBeCustomer(req), amountInBody(req)]
    const [from, to] = [accountInBody(req, 'from'), accountInBody(req, 'to')]
    if (from === to) throw badRequest('"from" and "to" must differ')
    res.status(201).json(await node.write('transfer', { customer, from, to, amount }))
  })

  router.get('/accounts/:id', (req, res) => {
    const { id, index, account } = readAccount(node, req)
    res.json({ id, balance: account.balance, index })
  })

  router.get('/accounts/:id/statement', exact, (req, res) => {
    const { id, index, account } = readAccount(node, req)
    res.json({ id, balance: account.balance, transfers: account.transfers, index })
  })

  router.get('/total', exact, (_req, res) => {
    res.json(
      node.read(({ accounts, paidIn }, { index }) => {
        const balances = Object.values(accounts).map(({ balance }) => balance)
        const total = balances.reduce((sum, balance) => sum + balance, 0)
        return { accounts: balances.length, total, paidIn, index }
      }),
    )
  })

  return router
}

/** Reads the customer's own account, and the index at which it was that. */
function readAccount(node: BankNode, req: Request): { id: string; index: number; account: Account } {
  const [customer, id] = [mustBeCustomer(req), accountInPath(req)]
  const [account, index] = node.read((state, at) => [accountOf(state, customer, id), at.index] as const)
  if (!account) throw new Refusal(404, 'NO_SUCH_ACCOUNT', `There is no account ${id}`)
  return { id, index, account }
}
