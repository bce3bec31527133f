import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from './deadline.js'
import { expectNoOpenHandles, handleSnapshot } from './open-handles.js'

it('sees a timer that was left', async () => {
  const before = handleSnapshot()
  const timer = setTimeout(() => {}, 60_000)
  await expect(expectNoOpenHandles(before, { timeoutMs: 30 })).rejects.toThrow('Still open: 1 × Timeout')
  clearTimeout(timer)
  await expectNoOpenHandles(before)
})

it('sees a server and both ends of a connection, and waits for them to close', async () => {
  const before = handleSnapshot()
  const server = createServer((socket) => socket.resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(server, 'connection')
  await expect(expectNoOpenHandles(before, { timeoutMs: 30 })).rejects.toThrow(
    'Still open: 2 × TCPSocketWrap, 1 × TCPServerWrap',
  )
  server.close()
  client.destroy()
  await expectNoOpenHandles(before)
})

it('takes what was open before for granted', async () => {
  const timer = setTimeout(() => {}, 60_000)
  const before = handleSnapshot()
  expect(before.get('Timeout')).toBeGreaterThan(0)
  await expectNoOpenHandles(before, { timeoutMs: 30 })
  clearTimeout(timer)
})
