import { existsSync } from 'node:fs'
import { Redis } from 'ioredis'
import { Authority } from './certificates.js'
import { eventually } from './deadline.js'
import type * as FreePort from './free-port.js'
import { freePort } from './free-port.js'
import { inlineCommand } from './inline-redis.js'
import { startRedis, stopAllRedis } from './redis-server.js'

jest.mock('./free-port.js', () => {
  const { freePort } = jest.requireActual<typeof FreePort>('./free-port.js')
  return { freePort: jest.fn(freePort) }
})

afterEach(stopAllRedis)

it('starts a server of its own, with nothing configured but what was asked for', async () => {
  const [one, two] = await Promise.all([startRedis(), startRedis({ args: ['--maxmemory', '10mb'] })])
  expect(one.port).not.toBe(two.port)
  expect(one.dir).not.toBe(two.dir)
  expect(await one.command('PING')).toBe('PONG')
  expect(await one.command('CONFIG', 'GET', 'save')).toEqual(['save', ''])
  expect(await one.command('CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'no'])
  expect(await one.command('CONFIG', 'GET', 'dir')).toEqual(['dir', one.dir])
  expect(await one.command('DEBUG', 'SLEEP', '0')).toBe('OK')
  expect(await one.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '0'])
  expect(await two.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '10485760'])
  expect(await inlineCommand(one.port, 'INFO server')).toContain(`process_id:${one.pid}\r\n`)
})

it('takes clients at its URL', async () => {
  const server = await startRedis()
  const client = new Redis(server.url)
  try {
    expect(await client.ping()).toBe('PONG')
  } finally {
    client.disconnect()
  }
})

describe('with TLS', () => {
  it.each([
    [false, /^PONG$/],
    [true, /certificate required|ECONNRESET/],
  ])('nothing else is spoken; client certificates are a must: %p', async (clientCerts, withoutOne) => {
    const authority = await Authority.create()
    const { cert: ca } = authority
    const server = await startRedis({ tls: { ...(await authority.issue()), ca, clientCerts } })
    expect(server.url).toBe(`rediss://127.0.0.1:${server.port}`)
    await server.command('SET', 'key', 'value')
    await server.restart()
    await server.wipe()
    expect(await server.command('DBSIZE')).toBe(0)

    const client = { ca, ...(await authority.issue()) }
    expect(await inlineCommand(server.port, 'PING', undefined, client)).toBe('PONG')
    const answer = inlineCommand(server.port, 'PING', undefined, { ca })
    expect(await answer.catch((error: Error) => error.message)).toMatch(withoutOne)
    await expect(inlineCommand(server.port, 'PING')).rejects.toThrow(/the connection closed|ECONNRESET/)
  })

  it('the commands of the test itself work whatever host its certificate is good for', async () => {
    const authority = await Authority.create()
    const certificate = await authority.issue({ hosts: ['elsewhere.test'] })
    const server = await startRedis({ tls: { ...certificate, ca: authority.cert } })
    expect(await server.command('PING')).toBe('PONG')
  })
})

it.each([
  ['no', null],
  ['everysec', 'kept'],
  ['always', 'kept'],
] as const)('with appendOnly %s a kill and restart leaves %s', async (appendOnly, left) => {
  const server = await startRedis({ appendOnly })
  const { port, pid } = server
  await server.command('SET', 'key', 'kept')
  await server.kill()
  await expect(server.command('GET', 'key')).rejects.toThrow('Connection is closed')
  expect(() => server.pid).toThrow('does not run')
  await server.restart()
  expect(server.port).toBe(port)
  expect(server.pid).not.toBe(pid)
  expect(await server.command('GET', 'key')).toBe(left)
})

it('restarts a server that runs, with further arguments for that once', async () => {
  const server = await startRedis()
  await server.restart(['--maxmemory', '1mb'])
  expect(await server.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '1048576'])
  await server.restart()
  expect(await server.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '0'])
})

it('answers nothing while it is paused, and runs later what was sent meanwhile', async () => {
  const server = await startRedis()
  await server.pause()
  await expect(inlineCommand(server.port, 'SET key late', 50)).rejects.toThrow('no reply within 50 ms')
  server.resume()
  await eventually(async () => (await server.command('GET', 'key')) === 'late')
})

it('wipes everything', async () => {
  const server = await startRedis()
  await server.command('SET', 'key', 'value')
  await server.wipe()
  expect(await server.command('DBSIZE')).toBe(0)
})

it('passes on the errors of commands', async () => {
  const server = await startRedis()
  await expect(server.command('NO-SUCH')).rejects.toThrow('unknown command')
  await expect(inlineCommand(server.port, 'NO-SUCH')).rejects.toThrow('unknown command')
})

it('says what the server said when it does not start', async () => {
  await expect(startRedis({ args: ['--no-such-option', '1'] })).rejects.toThrow('Bad directive')
})

it('insists on a port that was asked for', async () => {
  const server = await startRedis()
  await expect(startRedis({ port: server.port })).rejects.toThrow('Address already in use')
  expect(await server.command('PING')).toBe('PONG')
})

it('takes another port when somebody was quicker', async () => {
  const server = await startRedis()
  jest.mocked(freePort).mockResolvedValueOnce(server.port)
  const other = await startRedis()
  expect(other.port).not.toBe(server.port)
  expect(await other.command('PING')).toBe('PONG')
})

it('runs the binary that the environment names', async () => {
  const before = process.env['REDIS_SERVER_BIN']
  process.env['REDIS_SERVER_BIN'] = 'no-such-redis'
  try {
    await expect(startRedis()).rejects.toThrow('ENOENT')
  } finally {
    if (before === undefined) delete process.env['REDIS_SERVER_BIN']
    else process.env['REDIS_SERVER_BIN'] = before
  }
})

it('leaves neither process nor directory when all are stopped', async () => {
  const servers = await Promise.all([startRedis({ appendOnly: 'always' }), startRedis()])
  await servers[0].command('PING')
  await servers[1].pause()
  await stopAllRedis()
  for (const server of servers) {
    expect(existsSync(server.dir)).toBe(false)
    await expect(inlineCommand(server.port, 'PING')).rejects.toThrow('ECONNREFUSED')
    await expect(server.command('PING')).rejects.toThrow('Connection is closed')
    await server.stop()
  }
})
