import {
  BusyError,
  CommandError,
  CommandFailedError,
  type ErrorCode,
  LeaseholdError,
  NotLeaderError,
  NotSupportedError,
  OutcomeUnknownError,
} from '@leasehold/core'
import type { ErrorRequestHandler } from 'express'
import { clusterErrors, leaderOnly, routeWrites } from '../src/index.js'
import { send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstance } from './support/instances.js'

afterEach(closeAll)

describe.each(EXPRESS)('clusterErrors on %s', (_version, express) => {
  const throwing = async (error: unknown) => {
    const { node, url } = await startInstance(express, 'me', (app, node) => {
      app.use((_req, res, next) => {
        res.set({ ETag: '"x"', 'Content-Encoding': 'gzip', 'X-Kept': 'yes' })
        next(error)
      })
      app.use(clusterErrors(node.asNode))
      app.use(
        ((foreign, _req, res, _next) =>
          void res.status(599).send((foreign as Error).message)) as ErrorRequestHandler,
      )
    })
    node.follow({ id: 'somebody', url: 'http://10.0.0.9' })
    return send(url)
  }

  const errors: [number, LeaseholdError][] = [
    [503, new NotLeaderError({ id: 'l', term: 1, url: 'http://10.0.0.9', publicUrl: undefined })],
    [503, new BusyError(10, '10')],
    [504, new OutcomeUnknownError('op-7', 'The reply was lost')],
    [409, new CommandError('insufficient funds', { reason: 'INSUFFICIENT' })],
    [501, new NotSupportedError('writeConcern: majority')],
    [500, new CommandFailedError('put', new TypeError('secret detail'))],
    ...(
      [
        [503, 'NO_LEADER'],
        [503, 'DIVERGED'],
        [503, 'LOG_LOST'],
        [503, 'LOG_REFUSED'],
        [503, 'VERSION_TOO_OLD'],
        [503, 'STOPPED'],
        [503, 'NOT_STARTED'],
        [504, 'LAGGING'],
        [504, 'ROTATION_UNFINISHED'],
        [413, 'ENTRY_TOO_LARGE'],
        [400, 'NOT_JSON'],
        [500, 'UNKNOWN_COMMAND'],
        [500, 'INVALID_OPTIONS'],
      ] as [number, ErrorCode][]
    ).map(([status, code]): [number, LeaseholdError] => [
      status,
      new LeaseholdError(code, `redis://10.0.0.9: ${code}`),
    ]),
  ]

  test.each(
    errors.map(([status, error]): [number, ErrorCode, LeaseholdError] => [status, error.code, error]),
  )('%d for %s', async (status, _code, error) => {
    const reply = await throwing(error)
    expect(reply.status).toBe(status)
    expect(reply.json).toMatchObject({ error: { code: error.code, message: expect.any(String) } })
    expect(reply.headers['retry-after']).toBe(status === 503 ? '1' : undefined)
    expect(reply.headers).toMatchObject({ 'x-kept': 'yes', 'cache-control': 'no-store' })
    expect(reply.headers).not.toHaveProperty('etag')
    expect(reply.headers).not.toHaveProperty('content-encoding')
  })

  test('details that a client can use are there, those that are none of its business are not', async () => {
    expect((await throwing(new OutcomeUnknownError('op-7', 'Lost'))).json).toMatchObject({
      error: { opId: 'op-7' },
    })
    expect((await throwing(new CommandError('no', { reason: 'BROKE' }))).json).toEqual({
      error: { code: 'COMMAND_REJECTED', message: 'no', reason: 'BROKE' },
    })
    const notLeader = await throwing(
      new NotLeaderError({ id: 'l', term: 1, url: 'http://10.0.0.9', publicUrl: undefined }),
    )
    expect(notLeader.text).not.toContain('10.0.0.9')
    expect(notLeader.headers['leasehold-leader']).toBe('somebody')
    expect(
      (await throwing(new CommandFailedError('put', new TypeError('secret detail')))).text,
    ).not.toContain('secret')
  })

  test('a GET that writes on a follower is told that nobody takes it to the leader; one that is named goes there', async () => {
    const start = (id: string) =>
      startInstance(express, id, (app, node) => {
        app.use(routeWrites(node.asNode, { alwaysForward: ['/named'] }))
        app.use((_req, res, next) => {
          if (node.isLeader) res.json({ by: id })
          else next(new NotLeaderError(node.leader))
        })
        app.use(clusterErrors(node.asNode))
      })
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    const reply = await send(`${follower.url}/unnamed`)
    expect(reply).toMatchObject({ status: 503, json: { error: { code: 'NOT_LEADER' } } })
    expect((reply.json['error'] as Error).message).toMatch(
      /^GET requests are served where they arrive.*alwaysForward/,
    )
    expect(await send(`${follower.url}/named`)).toMatchObject({ status: 200, json: { by: 'leader' } })
  })

  test('errors of others go on', async () => {
    expect(await throwing(new Error('mine'))).toMatchObject({ status: 599, text: 'mine' })
  })

  test('a reply that has begun goes to the next handler, which can only cut it', async () => {
    const { url } = await startInstance(express, 'me', (app, node) => {
      app.use((_req, res, next) => {
        res.write('begun')
        next(new NotSupportedError('that'))
      })
      app.use(clusterErrors(node.asNode))
    })
    await expect(send(url)).rejects.toThrow(/aborted|hang up/)
  })

  test('leaderOnly lets the leader through, and nobody else', async () => {
    const { node, url } = await startInstance(express, 'me', (app, node) => {
      app.get('/report', leaderOnly(node.asNode), (_req, res) => void res.send('report'))
    })
    expect(await send(`${url}/report`)).toMatchObject({
      status: 503,
      json: { error: { code: 'NOT_LEADER' } },
      headers: { 'retry-after': '1' },
    })
    node.lead(1)
    expect(await send(`${url}/report`)).toMatchObject({ status: 200, text: 'report' })
  })
})
