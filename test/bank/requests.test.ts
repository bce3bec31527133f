import { randomUUID } from 'node:crypto'
import { type Instance, type InstanceGroup, startGroup } from '../support/instances.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { as, BANK } from './bank.js'

interface Receipt {
  readonly id: string
  readonly balance: number
}

let group: InstanceGroup
let one: Instance
let other: Instance
let third: Instance

beforeAll(async () => {
  group = await startGroup({ redis: await startRedis(), script: BANK })
  ;[one, other, third] = group.instances as [Instance, Instance, Instance]
})
afterAll(stopAll)

/** A customer with two accounts, and money in the first. */
async function customerWith(amount: number) {
  const name = `c-${randomUUID()}`
  const send = as(name)
  const [from, to] = [`${name}-1`, `${name}-2`]
  for (const id of [from, to]) await send(one, 'PUT', `/accounts/${id}`)
  await send(one, 'POST', `/accounts/${from}/deposits`, { body: { amount } })
  const balance = async (id = from) =>
    (await send<{ balance: number }>(other, 'GET', `/accounts/${id}/statement`)).body.balance
  return { send, from, to, balance }
}

const refused = (status: number, code: string, reason?: string) => ({
  status,
  body: { error: { code, ...(reason !== undefined && { reason }) } },
})
const refusedFor = (reason: string) => refused(409, 'COMMAND_REJECTED', reason)

test('a transfer with too little money is refused with its reason, and so is its repeat when there is enough', async () => {
  const { send, from, to, balance } = await customerWith(100)
  const transfer = { body: { from, to, amount: 101 }, key: randomUUID() }
  const first = await send(one, 'POST', '/transfers', transfer)
  expect(first).toMatchObject(refusedFor('INSUFFICIENT_FUNDS'))
  await send(one, 'POST', `/accounts/${from}/deposits`, { body: { amount: 1 } })
  for (const instance of group.instances) {
    const repeat = await send(instance, 'POST', '/transfers', transfer)
    expect({ status: repeat.status, body: repeat.body }).toEqual({ status: 409, body: first.body })
  }
  expect([await balance(from), await balance(to)]).toEqual([101, 0])
  expect(await send(one, 'POST', '/transfers', { ...transfer, key: randomUUID() })).toMatchObject({
    status: 201,
  })
  expect([await balance(from), await balance(to)]).toEqual([0, 101])
})

test('a transfer that is sent many times at once with one key, through all instances, is booked once', async () => {
  const { send, from, to, balance } = await customerWith(100)
  const transfer = { body: { from, to, amount: 7 }, key: randomUUID() }
  const everywhere = Array.from({ length: 5 }, () => group.instances).flat()
  const replies = await Promise.all(
    everywhere.map((instance) => send<Receipt>(instance, 'POST', '/transfers', transfer)),
  )
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1)
  expect(replies[0]?.body).toEqual({ id: expect.any(String), from, to, amount: 7, balance: 93 })
  expect([await balance(from), await balance(to)]).toEqual([93, 7])
})

test('without a key each is a transfer of its own', async () => {
  const { send, from, to, balance } = await customerWith(100)
  const transfer = { body: { from, to, amount: 7 } }
  const replies = [
    await send<Receipt>(one, 'POST', '/transfers', transfer),
    await send<Receipt>(other, 'POST', '/transfers', transfer),
  ]
  expect(new Set(replies.map(({ body }) => body.id)).size).toBe(2)
  expect(await balance()).toBe(86)
})

test('a key belongs to its customer: with another amount it is refused, to another customer it is free', async () => {
  const [ada, bob] = [await customerWith(100), await customerWith(100)]
  const key = randomUUID()
  const transfer = ({ from, to }: typeof ada, amount: number) => ({ body: { from, to, amount }, key })
  const first = await ada.send<Receipt>(one, 'POST', '/transfers', transfer(ada, 5))
  expect(await ada.send(other, 'POST', '/transfers', transfer(ada, 6))).toMatchObject(
    refused(422, 'KEY_REUSED'),
  )
  expect(await bob.send(other, 'POST', '/transfers', transfer(bob, 6))).toMatchObject({
    status: 201,
    body: { from: bob.from, amount: 6, balance: 94 },
  })
  // Not even the very same request gets another customer's receipt.
  expect(
    await bob.send(third, 'POST', '/transfers', { ...transfer(ada, 5), key: randomUUID() }),
  ).toMatchObject(refusedFor('NO_SUCH_ACCOUNT'))
  expect((await ada.send<Receipt>(third, 'POST', '/transfers', transfer(ada, 5))).body).toEqual(first.body)
  expect([await ada.balance(), await bob.balance()]).toEqual([95, 94])
})

test('an account belongs to who opened it, and does not exist for others', async () => {
  const { send, from, to } = await customerWith(100)
  const stranger = as('stranger')
  expect(await send(other, 'PUT', `/accounts/${from}`)).toMatchObject({ status: 200, body: { balance: 100 } })
  expect(await stranger(other, 'PUT', `/accounts/${from}`)).toMatchObject(refusedFor('ACCOUNT_TAKEN'))
  expect(await stranger(one, 'POST', `/accounts/${from}/deposits`, { body: { amount: 1 } })).toMatchObject(
    refusedFor('NO_SUCH_ACCOUNT'),
  )
  expect(await stranger(one, 'POST', '/transfers', { body: { from, to, amount: 1 } })).toMatchObject(
    refusedFor('NO_SUCH_ACCOUNT'),
  )
  for (const path of ['', '/statement'])
    expect(await stranger(one, 'GET', `/accounts/${from}${path}`)).toMatchObject(
      refused(404, 'NO_SUCH_ACCOUNT'),
    )
})

test('"constructor" is an account like any other', async () => {
  const send = as('ada')
  expect(await send(one, 'GET', '/accounts/constructor/statement')).toMatchObject({ status: 404 })
  expect(await send(one, 'PUT', '/accounts/constructor')).toMatchObject({ status: 201 })
  expect(await send(other, 'GET', '/accounts/constructor/statement')).toMatchObject({
    body: { balance: 0, transfers: [] },
  })
})

test('a statement has the last twenty transfers of both sides, the same on every instance', async () => {
  const { send, from, to } = await customerWith(1_000)
  for (let amount = 1; amount <= 22; amount++)
    await send(amount % 2 === 0 ? one : other, 'POST', '/transfers', { body: { from, to, amount } })
  const statements = await Promise.all(
    group.instances.flatMap((instance) =>
      [from, to].map(async (id) => {
        const path = `/accounts/${id}/statement`
        return (await send<{ transfers: { amount: number }[] }>(instance, 'GET', path)).body.transfers
      }),
    ),
  )
  expect(new Set(statements.map((transfers) => JSON.stringify(transfers))).size).toBe(1)
  expect(statements[0]?.map(({ amount }) => amount)).toEqual(Array.from({ length: 20 }, (_, i) => i + 3))
})

test('requests that make no sense are refused, and nothing is appended', async () => {
  const { send, from, to } = await customerWith(100)
  const leader = await group.leader()
  const { head } = (await leader.status()).group
  const badTransfers = [
    undefined,
    [],
    { from, to },
    { from, amount: 1 },
    { from, to: from, amount: 1 },
    { from, to: '__proto__', amount: 1 },
    ...[0, -1, 1.5, '1', null, 1e10, [1]].map((amount) => ({ from, to, amount })),
  ]
  for (const instance of [one, other])
    for (const body of badTransfers)
      expect(await send(instance, 'POST', '/transfers', { body })).toMatchObject(refused(400, 'BAD_REQUEST'))
  expect(await send(one, 'PUT', '/accounts/A_B')).toMatchObject(refused(400, 'BAD_REQUEST'))
  expect(await send(one, 'POST', `/accounts/${from}/deposits`, { body: {} })).toMatchObject({ status: 400 })
  for (const customer of ['', 'a%20b', 'x'.repeat(65)])
    expect(await as(customer)(one, 'PUT', '/accounts/a')).toMatchObject(refused(401, 'UNAUTHENTICATED'))
  expect((await leader.status()).group.head).toBe(head)
})

test('SIGTERM ends each with exit code 0', async () => {
  for (const instance of group.instances) expect(await instance.terminate()).toMatchObject({ code: 0 })
})
