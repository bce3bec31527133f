import { connect } from 'node:net'
import { once } from './deadline.js'
import { freePort } from './free-port.js'

it('finds a port below the range of source ports on which nobody listens', async () => {
  const port = await freePort()
  expect(port).toBeLessThan(32_768)
  const socket = connect(port, '127.0.0.1')
  const [error] = await once<[NodeJS.ErrnoException]>(socket, 'error')
  expect(error.code).toBe('ECONNREFUSED')
})
