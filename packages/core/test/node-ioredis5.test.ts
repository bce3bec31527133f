import { eventually } from '../../../test/support/deadline.js'
import { startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { journalNode, stopNodes } from './nodes.js'

jest.mock('ioredis', () => jest.requireActual<object>('ioredis5'))

afterAll(async () => {
  await stopNodes()
  await stopAll()
})

it('works on ioredis 5: elects, writes, replicates, hands over', async () => {
  const { url } = await startRedis()
  const [first, second] = [journalNode({ group: 'g', redis: url }), journalNode({ group: 'g', redis: url })]
  await first.start()
  await second.start()
  expect(await first.write('add', 'a')).toBe(1)
  await eventually(() => second.position.index === 1)
  await first.stop()
  await eventually(() => second.isLeader)
  expect(await second.write('add', 'b')).toBe(2)
  expect(second.read((state) => state.lines)).toEqual(['a', 'b'])
})
