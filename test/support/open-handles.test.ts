import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from './deadline.js'
import { expectNoOpenHandles, handleSnapshot } from './open-handles.js'

it('sees a timer that was left, also when others from before have ended meanwhile', async () => {
  const fromBefore = [1, 2, 3].map(() => setTimeout(() => {}, 60_000))
  const before = handleSnapshot()
  const timer = setTimeout(() => {}, 60_000)
  for (const other of fromBefore) clearTimeout(other)
  await expect(expectNoOpenHandles(before, { timeoutMs: 30 })).rejects.toThrow('Still open: 1 × Timeout')
  clearTimeout(timer)
  await expectNoOpenHandles(before)
})

it('does not mind a timer that keeps no process alive', async () => {
  const before = handleSnapshot()
  const timer = setTimeout(() => {}, 60_000).unref()
  await expectNoOpenHandles(before, { timeoutMs: 30 })
  clearTimeout(timer)
})

it('sees a server and both ends of a connection, and waits for them to close', async () => {
  const before = handleSnapshot()
  const server = createServer((socket) => socket.resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(server, 'connection')
  await expect(expectNoOpenHandles(before, { timeoutMs: 30 })).rejects.toThrow(
    /Still open: 2 × TCPSocketWrap, 1 × TCPServerWrap/,
  )
  server.close()
  client.destroy()
  await expectNoOpenHandles(before)
})

it('takes what was open before for granted', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const timer = setTimeout(() => {}, 60_000)
  const before = handleSnapshot()
  expect(before.get('TCPServerWrap')).toBeGreaterThan(0)
  await expectNoOpenHandles(before, { timeoutMs: 30 })
  clearTimeout(timer)
  server.close()
})
