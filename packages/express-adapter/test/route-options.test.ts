import { OptionsError } from '@leasehold/core'
import { Authority } from '../../../test/support/certificates.js'
import { routeWrites } from '../src/index.js'
import { NODE_HTTP, type RouteWritesOptions } from '@leasehold/http'
import { resolveRouteOptions } from '../../http/src/route-options.js'
import { StandInNode } from './support/stand-in-node.js'

const { asNode: node } = new StandInNode('n')

test('the defaults are those of the documentation', () => {
  expect(resolveRouteOptions(node, NODE_HTTP, {})).toMatchObject({
    mode: 'forward',
    hold: { ms: 5000, maxRequests: 1000, maxBytes: 16 * 1024 * 1024 },
    maxBufferBytes: 1024 * 1024,
    connectTimeoutMs: 2000,
    responseTimeoutMs: 30_000,
  })
})

test('a long lease makes the hold longer', () => {
  const slow = new StandInNode('n')
  slow.leaseTtlMs = 10_000
  expect(resolveRouteOptions(slow.asNode, NODE_HTTP, {}).hold.ms).toBe(12_000)
})

test('all problems come in one error', () => {
  const options = {
    mode: 'proxy',
    isWrite: true,
    passthrough: ['no-slash', /fine/, 7],
    alwaysForward: '/not-a-list',
    hold: { ms: -1, maxRequests: 1.5, maxBytes: '16 MiB' },
    maxBufferBytes: Number.NaN,
    connectTimeoutMs: 0,
    responseTimeoutMs: Number.POSITIVE_INFINITY,
    location: '/there',
  } as unknown as RouteWritesOptions
  const error = caught(() => routeWrites(node, options))
  expect(error).toBeInstanceOf(OptionsError)
  const { problems, message } = error as OptionsError
  const named = [
    'mode',
    'isWrite',
    'passthrough[0]',
    'passthrough[2]',
    'alwaysForward',
    'hold.ms',
    'hold.maxRequests',
    'hold.maxBytes',
    'maxBufferBytes',
    'connectTimeoutMs',
    'responseTimeoutMs',
    'location',
  ]
  expect(problems.map((problem) => problem.split(' ')[0]).toSorted()).toEqual(named.toSorted())
  expect(message).toContain('hold.ms is -1: must be a whole number of ms, at least 0')
})

function caught(fn: () => unknown): unknown {
  try {
    return fn()
  } catch (error) {
    return error
  }
}

describe('tls', () => {
  /** The problems of these options alone, each without the name of the option before it. */
  const problemsOf = (tls: unknown) => {
    const error = caught(() => routeWrites(node, { tls } as RouteWritesOptions))
    expect(error).toBeInstanceOf(OptionsError)
    expect((error as Error).message).not.toContain('PRIVATE')
    return (error as OptionsError).problems
  }

  test('is made ready once', async () => {
    const authority = await Authority.create()
    const own = await authority.issue()
    const list = [Buffer.from(authority.cert), authority.cert]
    for (const tls of [{}, { ca: authority.cert }, { ca: list, ...own, servername: 'a.test' }])
      expect(resolveRouteOptions(node, NODE_HTTP, { tls }).tls).toMatchObject({
        secureContext: expect.any(Object),
      })
    expect(resolveRouteOptions(node, NODE_HTTP, { tls: { servername: 'a.test' } }).tls?.servername).toBe(
      'a.test',
    )
    expect(resolveRouteOptions(node, NODE_HTTP, {}).tls).toBeUndefined()
  })

  test.each<[string, unknown, string[]]>([
    ['is no object', 'ca.pem', ['tls must be an object']],
    ['is nothing', null, ['tls must be an object']],
    ['has a CA that is a path', { ca: '/etc/ssl/ca.pem' }, ['tls.ca must be certificates in PEM']],
    ['has a list with one', { ca: [''] }, ['tls.ca must be certificates in PEM']],
    ['has an empty name', { servername: '' }, ['tls.servername must be a host name']],
    [
      'asks for no check at all',
      { rejectUnauthorized: false },
      ['tls.rejectUnauthorized is not an option; these are: ca, cert, key, passphrase, servername'],
    ],
  ])('that %s is refused', (_what, tls, problems) => {
    expect(problemsOf(tls)).toEqual(problems)
  })

  test('with a key that is missing, broken or of another certificate is refused', async () => {
    const authority = await Authority.create()
    const [own, other] = [await authority.issue(), await authority.issue()]
    expect(problemsOf({ cert: own.cert })).toEqual(['tls.cert and tls.key belong together'])
    expect(problemsOf({ ...own, key: other.key })).toEqual([
      expect.stringMatching(/^tls cannot be used: .*key values mismatch/),
    ])
    expect(problemsOf({ ...own, key: own.key.slice(0, 80) })).toEqual([
      expect.stringMatching(/^tls cannot be used: /),
    ])
  })
})

test('a node that cannot be routed to says so when routeWrites is called', () => {
  const refusing = new StandInNode('n')
  refusing.requireUrl = () => {
    throw new Error('no url')
  }
  expect(() => routeWrites(refusing.asNode)).toThrow('no url')
})
