import { Cluster, Redis } from 'ioredis'
import { passwordsIn, Redaction } from '../../src/observe/redaction.js'

it.each<[string, () => unknown, string[]]>([
  ['a URL', () => 'redis://user:p%40ss@10.0.0.1:6379/2', ['p%40ss', 'p@ss']],
  ['a URL without one', () => 'redis://10.0.0.1:6379', []],
  ['a socket', () => '/run/redis.sock', []],
  ['options', () => ({ host: 'a', password: 'p@ss' }), ['p@ss', 'p%40ss']],
  [
    'a Sentinel set',
    () => ({ sentinels: [{ host: 'a', port: 1 }], sentinelPassword: 'one', password: 'two' }),
    ['one', 'one', 'two', 'two'],
  ],
  ['a key with a passphrase', () => ({ tls: { key: 'k', passphrase: 'open' } }), ['open', 'open']],
  [
    'servers of a cluster',
    () => ({ cluster: ['redis://:url@a:1', { host: 'b', password: 'object' }] }),
    ['url', 'url', 'object', 'object'],
  ],
  [
    'a client',
    () => new Redis({ lazyConnect: true, password: 'of a client' }),
    ['of a client', 'of%20a%20client'],
  ],
  [
    'a Cluster client',
    () =>
      new Cluster(['redis://:url@127.0.0.1:1'], { lazyConnect: true, redisOptions: { password: 'shared' } }),
    ['shared', 'url'],
  ],
])('finds the passwords of %s', (_, target, expected) => {
  const found = passwordsIn(target())
  expect(new Set(found)).toEqual(new Set(expected))
})

it('blanks them out wherever they stand, the longer one first', () => {
  const redaction = new Redaction(['secret', 'secret-and-more', 'ab'])
  expect(redaction.text('secret-and-more, secret and ab')).toBe('***, *** and ab')
  const fields = redaction.fields({ url: 'redis://:secret@a', index: 7, heard: ['a'] })
  expect(fields).toEqual({ url: 'redis://:***@a', index: 7, heard: ['a'] })
})

it('an error keeps what says what happened, and nothing else', () => {
  const redaction = new Redaction(['hidden'])
  const cause = Object.assign(new TypeError('hidden cause'), {
    code: 'ECONNREFUSED',
    command: { args: ['x'] },
  })
  const error = Object.assign(new RangeError('it was hidden', { cause }), {
    code: 'NOPERM',
    command: { name: 'auth', args: ['another password'] },
  })
  const { err } = redaction.fields({ err: error }) as { err: Error & Record<string, unknown> }
  expect(err).toBeInstanceOf(Error)
  expect([err.name, err.message, err['code']]).toEqual(['RangeError', 'it was ***', 'NOPERM'])
  expect(err.stack).toContain('redaction.test')
  expect(err.stack).not.toContain('hidden')
  expect(err['command']).toBeUndefined()
  const shown = err.cause as Error & Record<string, unknown>
  expect([shown.name, shown.message, shown['code']]).toEqual(['TypeError', '*** cause', 'ECONNREFUSED'])
  expect(shown['command']).toBeUndefined()
})
