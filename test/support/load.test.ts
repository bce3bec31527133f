import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { checkLists } from './check-lists.js'
import { checkRegisters } from './check-registers.js'
import { checkSessions } from './check-sessions.js'
import { eventually, once } from './deadline.js'
import { hasWritten, isRead, type Operation } from './history.js'
import { startInstance, stopAllInstances } from './instance.js'
import { loadKeys, startLoad } from './load.js'

const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  await stopAllInstances()
})

/** The URL of a server that answers every request in this way. */
async function serve(answer: (response: ServerResponse, request: IncomingMessage) => void): Promise<string> {
  const server = createServer((request, response) => answer(response, request))
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function replying(status: number, body: unknown): Promise<string> {
  return serve((response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

/** Outcomes, statuses and reasons of a short load on this URL, each kind once. */
async function outcomesOf(url: string, timeoutMs = 10_000): Promise<string[]> {
  const load = startLoad({ urls: () => [url], clients: 2, seed: 1, thinkMs: 0, timeoutMs })
  await eventually(() => load.history.length >= 6)
  const history = await load.stop()
  return [...new Set(history.map(({ outcome, status, reason }) => `${outcome} ${status} ${reason}`))]
}

it('records requests with times, results and unique values, and ends when it is told', async () => {
  const instance = await startInstance({ script: join(__dirname, 'stub-instance.mjs'), env: {} })
  const load = startLoad({ urls: () => [instance.url], clients: 4, seed: 7, keys: 3, thinkMs: 0 })
  await eventually(() => load.history.length > 200)
  const history = await load.stop()

  expect(new Set(history.map(({ kind }) => kind))).toEqual(new Set(['push', 'list', 'put', 'cas', 'get']))
  expect(new Set(history.map(({ client }) => client))).toEqual(new Set([0, 1, 2, 3]))
  expect(new Set(history.map(({ key }) => key))).toEqual(new Set(loadKeys({ keys: 3 })))
  const written = history.filter((operation) => !isRead(operation)).map(({ value }) => value)
  expect(new Set(written).size).toBe(written.length)
  for (const operation of history) {
    expect(operation).toMatchObject({ outcome: 'ok', url: instance.url })
    expect(operation.endMs).toBeGreaterThan(operation.startMs)
  }
  const reads = history.filter(isRead)
  expect(new Set(reads.map(({ consistency }) => consistency))).toEqual(new Set(['session', 'linearizable']))
  const cas = history.filter(({ kind }) => kind === 'cas')
  expect(new Set(cas.map(hasWritten))).toEqual(new Set([true, false]))

  const lists = new Map<string, string[]>()
  for (const key of loadKeys({ keys: 3 })) lists.set(key, (await instance.list(key)).body.items)
  expect(checkLists(history, [{ replica: 'stub', lists }])).toEqual([])
  expect(checkRegisters(history)).toEqual([])
  expect(checkSessions(history)).toEqual([])
  expect(history.at(-1)).toBe(load.history.at(-1))
})

it('asks in the same order for the same seed', async () => {
  const url = await replying(200, {})
  const order = async (seed: number) => {
    const load = startLoad({ urls: () => [url], clients: 1, seed, thinkMs: 0 })
    await eventually(() => load.history.length >= 20)
    const history = await load.stop()
    return history.slice(0, 20).map(({ kind, key }: Operation) => `${kind} ${key}`)
  }
  const first = await order(1)
  expect(await order(1)).toEqual(first)
  expect(await order(2)).not.toEqual(first)
})

it('knows what was surely not done from what may have been', async () => {
  const refusal = { error: { code: 'NO_LEADER', message: 'no leader' } }
  const unknown = { error: { code: 'OUTCOME_UNKNOWN', message: 'unknown' } }
  expect(await outcomesOf(await replying(503, refusal))).toEqual(['failed 503 NO_LEADER'])
  expect(await outcomesOf(await replying(504, unknown))).toEqual(['unknown 504 OUTCOME_UNKNOWN'])
  expect(await outcomesOf(await replying(503, unknown))).toEqual(['unknown 503 OUTCOME_UNKNOWN'])
  expect(await outcomesOf(await replying(503, 'a proxy is down'))).toEqual(['unknown 503 undefined'])
  expect(await outcomesOf(await replying(500, refusal))).toEqual(['unknown 500 NO_LEADER'])
})

it('takes a lost reply for an unknown outcome, and nobody listening for a refusal', async () => {
  const reset = await serve((response) => response.socket?.resetAndDestroy())
  expect(await outcomesOf(reset)).toEqual(['unknown undefined ECONNRESET'])
  const cutShort = await serve((response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{"position"')
    setImmediate(() => response.socket?.destroy())
  })
  expect(await outcomesOf(cutShort)).toEqual(['unknown undefined UND_ERR_SOCKET'])
  const silent = await serve(() => {})
  expect(await outcomesOf(silent, 30)).toEqual(['unknown undefined TimeoutError'])

  const closed = await replying(200, {})
  servers.at(-1)?.close()
  expect(await outcomesOf(closed)).toEqual(['failed undefined ECONNREFUSED'])
})

it('takes a comparison that failed for an answer, and what is not there for nothing', async () => {
  const found = async (status: number, body: unknown) => {
    const url = await replying(status, body)
    const load = startLoad({ urls: () => [url], clients: 2, seed: 1, thinkMs: 0 })
    await eventually(() => new Set(load.history.map(({ kind }) => kind)).size === 5)
    const history = await load.stop()
    return (kind: Operation['kind']) => history.find((operation) => operation.kind === kind)
  }
  const conflict = await found(409, { value: 'x' })
  expect(conflict('cas')).toMatchObject({ outcome: 'ok', status: 409, expect: null, present: 'x' })
  expect(conflict('put')).toMatchObject({ outcome: 'unknown', status: 409 })
  expect(conflict('get')).toMatchObject({ outcome: 'unknown', status: 409, value: undefined })
  const lost = await found(409, { error: { code: 'LINEAGE_LOST', message: 'lost' } })
  expect(lost('cas')).toMatchObject({ outcome: 'unknown', status: 409, reason: 'LINEAGE_LOST' })
  const missing = await found(404, { value: null, index: 3 })
  expect(missing('get')).toMatchObject({ outcome: 'ok', status: 404, value: null, index: 3 })
  expect(missing('put')).toMatchObject({ outcome: 'unknown', status: 404 })
  const lists = await found(200, { items: ['a', 'b'], index: 3 })
  expect(lists('list')).toMatchObject({ outcome: 'ok', value: 'b', position: 2, index: 3 })
})

it('carries a session from reply to request, by header or by cookie', async () => {
  let replies = 0
  const asked: string[] = []
  const url = await serve((response, { headers }) => {
    asked.push(`${String(headers['leasehold-position'])} ${String(headers.cookie)}`)
    const position = `log.1.${++replies}`
    response.setHeader('leasehold-position', position)
    response.setHeader('set-cookie', [`seen=${position}; Path=/; HttpOnly`, 'other=1'])
    response.end('{}')
  })
  const sessionOf = async (clients: number) => {
    replies = 0
    asked.length = 0
    const load = startLoad({ urls: () => [url], clients, seed: 1, thinkMs: 0 })
    await eventually(() => load.history.length >= 3 * clients)
    await load.stop()
    return asked
  }
  expect((await sessionOf(1)).slice(0, 3)).toEqual([
    'undefined undefined',
    'log.1.1 undefined',
    'log.1.2 undefined',
  ])
  const both = await sessionOf(2)
  expect(both).toContainEqual(expect.stringMatching(/^log\.1\.\d+ undefined$/))
  expect(both).toContainEqual(expect.stringMatching(/^undefined seen=log\.1\.\d+; other=1$/))
  expect(both).not.toContainEqual(expect.stringMatching(/^log.* seen/))
})

it('waits while there is no instance to ask', async () => {
  const url = await replying(200, { index: 1 })
  let urls: string[] = []
  let asked = 0
  const load = startLoad({
    urls: () => {
      asked++
      return urls
    },
    clients: 1,
    seed: 1,
  })
  await eventually(() => asked > 1)
  expect(load.history).toEqual([])
  urls = [url]
  await eventually(() => load.history.length > 0)
  expect((await load.stop())[0]?.outcome).toBe('ok')
})
