import { OptionsError } from '@leasehold/core'
import { routeWrites } from '../src/index.js'
import { resolveRouteOptions, type RouteWritesOptions } from '../src/route-options.js'
import { StandInNode } from './support/stand-in-node.js'

const { asNode: node } = new StandInNode('n')

test('the defaults are those of the documentation', () => {
  expect(resolveRouteOptions(node, {})).toMatchObject({
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
  expect(resolveRouteOptions(slow.asNode, {}).hold.ms).toBe(12_000)
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

test('a node that cannot be routed to says so when routeWrites is called', () => {
  const refusing = new StandInNode('n')
  refusing.requireUrl = () => {
    throw new Error('no url')
  }
  expect(() => routeWrites(refusing.asNode)).toThrow('no url')
})
