import { createNode, defineStateMachine, type Warning } from '@leasehold/core'
import { eventually } from '../support/deadline.js'
import { startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

afterAll(stopAll)

const notebook = defineStateMachine({
  name: 'notebook',
  version: 1,
  initial: () => ({ lines: [] as string[], book: { text: '' } }),
  commands: {
    add: (state, line: string) => state.lines.push(line),
    fill(state, characters: number) {
      state.book.text = 'ü'.repeat(characters)
    },
  },
})

/** Takes many times a tenth of the lease to write down or to read, also on a fast machine. */
const CHARACTERS = 20_000_000

test('a single value that is too large for the lease is named when a snapshot is taken, and when it is loaded', async () => {
  const redis = await startRedis()
  const warnings: Warning[] = []
  const member = (name: string) =>
    createNode({
      ...{ group: 'notebook', name, redis: redis.url, stateMachine: notebook },
      ...{ lease: { ttlMs: 500 }, heartbeatMs: 100, settleMs: 100, snapshotEntries: 10, trailingEntries: 1 },
    }).on('warning', (warning) => warnings.push(warning))
  const blocking = (what: string) =>
    warnings.filter(
      ({ code, message }) => code === 'SNAPSHOT_BLOCKS' && message.startsWith(`${what} a snapshot`),
    )

  const leader = member('leader')
  await leader.start()
  await leader.write('fill', CHARACTERS)
  await eventually(
    async () => {
      // It may lose its lease over this, and take it again: that is what it warns of.
      if (leader.isLeader) await leader.write('add', 'x').catch(() => {})
      return Number(await redis.command('HGET', 'leasehold:{notebook}:meta', 'first')) > 1
    },
    { timeoutMs: 50_000, message: 'two snapshots' },
  )
  const [taking] = blocking('Taking')
  expect(taking?.message).toMatch(/at state\.book\.text \(a record of 200000\d\d characters\).* \(500 ms\)/)

  const newcomer = member('newcomer')
  await newcomer.start()
  expect(newcomer.read((state) => state.book.text.length)).toBe(CHARACTERS)
  const [loading] = blocking('Loading')
  expect(loading?.message).toMatch(/at state\.book\.text \(a record of 200000\d\d characters\).* \(500 ms\)/)
  await Promise.all([newcomer.stop(), leader.stop()])
})
