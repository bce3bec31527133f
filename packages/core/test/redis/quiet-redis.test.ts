import { connect, type Socket } from 'node:net'
import { AbstractConnector } from 'ioredis'
import { eventually } from '../../../../test/support/deadline.js'
import { type RedisServer, startRedis } from '../../../../test/support/redis-server.js'
import { stopAll } from '../../../../test/support/stop-all.js'
import { commandOptions, createClient, termOptions } from '../../src/redis/connections.js'

let redis: RedisServer
/** How often connecting fails before there is a socket, as it does under Sentinel in the moment of a failover. */
let failures: number
let attempts: number

class Failing extends AbstractConnector {
  constructor() {
    super(100)
  }

  async connect(): Promise<Socket> {
    attempts++
    if (failures-- > 0) throw new Error('Connection is closed.')
    this.stream = connect(redis.port, '127.0.0.1')
    return this.stream
  }
}

beforeAll(async () => {
  redis = await startRedis()
})
beforeEach(() => {
  failures = 3
  attempts = 0
})
afterAll(stopAll)

it('a client whose search for its server fails goes on searching', async () => {
  const client = createClient({ Connector: Failing }, commandOptions(500), 'a')
  client.connect().catch(() => {})
  await eventually(() => client.status === 'ready', { message: 'it to be connected' })
  expect(attempts).toBe(4)
  expect(await client.ping()).toBe('PONG')
  client.disconnect()
  await eventually(() => client.status === 'end', { message: 'its end' })
  expect(attempts).toBe(4)
})

it('a duplicate, as BullMQ makes one, does so, too', async () => {
  const client = createClient({ Connector: Failing }, commandOptions(500), 'a')
  const duplicate: typeof client = client.duplicate()
  duplicate.on('error', () => {})
  duplicate.connect().catch(() => {})
  await eventually(() => duplicate.status === 'ready', { message: 'it to be connected' })
  await duplicate.quit()
  await eventually(() => duplicate.status === 'end', { message: 'its end' })
  expect(attempts).toBe(4)
})

it('a client that is ended meanwhile stays so', async () => {
  failures = Number.POSITIVE_INFINITY
  const client = createClient({ Connector: Failing }, commandOptions(500), 'a')
  client.connect().catch(() => {})
  await eventually(() => attempts > 3, { message: 'it to search' })
  client.disconnect()
  const before = attempts
  await eventually(() => client.status === 'end', { message: 'its end' })
  await new Promise((resolve) => setTimeout(resolve, 200)) // some delays of the next attempt
  expect(attempts).toBe(before)
})

it("a term's client ends with its one attempt", async () => {
  const client = createClient({ Connector: Failing }, termOptions(500), 'a')
  await expect(client.connect()).rejects.toThrow('Connection is closed.')
  await eventually(() => client.status === 'end', { message: 'its end' })
  expect(attempts).toBe(1)
})
