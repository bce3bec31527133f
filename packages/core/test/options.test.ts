import { Redis } from 'ioredis'
import { OptionsError } from '../src/errors.js'
import { DEFAULTS, resolveOptions } from '../src/options.js'

const url = 'redis://127.0.0.1:6379'

function resolve(given: object) {
  return resolveOptions({ group: 'g', redis: url, ...given })
}

/** What is wrong with these options. */
function problemsOf(given: object): readonly string[] {
  try {
    resolve(given)
  } catch (error) {
    if (error instanceof OptionsError) return error.problems
    throw error
  }
  return []
}

it('fills in the defaults', () => {
  expect(resolve({})).toMatchObject(DEFAULTS)
})

it('keeps what is given', () => {
  const given = { name: 'n', priority: -3, eligible: false, heartbeatMs: 50, writeTimeoutMs: 600_000 }
  expect(resolve({ ...given, lease: { ttlMs: 500 } })).toMatchObject({ ...given, leaseTtlMs: 500 })
})

it('names an instance after its host and process, and gives each start an id of its own', () => {
  const [one, other] = [resolve({}), resolve({})]
  expect(one.name).toMatch(/^[^:{}\s]+-\d+$/)
  expect(one.name).toBe(other.name)
  expect(one.id).toMatch(new RegExp(`^${one.name}-[0-9a-f]{10}$`))
  expect(one.id).not.toBe(other.id)
})

it('takes the lease to the same Redis, if no other is given', () => {
  expect(resolve({})).toMatchObject({ leaseRedis: [url], leaseOnLog: true })
  expect(resolve({ lease: { redis: 'redis://a' } })).toMatchObject({
    leaseRedis: ['redis://a'],
    leaseOnLog: false,
  })
})

it('takes the slash off the end of a URL', () => {
  expect(resolve({ url: 'http://a:1/', publicUrl: 'https://b/app//' })).toMatchObject({
    url: 'http://a:1',
    publicUrl: 'https://b/app',
  })
})

describe('hangAfterMs', () => {
  it.each([
    ['by default', {}, 1500],
    ['by default with a short lease, which runs out before', { lease: { ttlMs: 1500 } }, 0],
    ['as false', { hangAfterMs: false }, 0],
    ['as 0', { hangAfterMs: 0 }, 0],
    ['below the lease', { hangAfterMs: 499, lease: { ttlMs: 500 } }, 499],
  ])('is taken %s', (_, given, hangAfterMs) => {
    expect(resolve(given)).toMatchObject({ hangAfterMs })
  })

  it.each([true, 199, -1, 0.5, 600_001, '1500', null])('is refused as %j', (hangAfterMs) => {
    expect(problemsOf({ hangAfterMs })).toEqual([
      `hangAfterMs is ${JSON.stringify(hangAfterMs)} ms: must be false, 0, or a whole number from 200 to 600000 ms`,
    ])
  })

  it('is refused where the lease runs out before', () => {
    expect(problemsOf({ hangAfterMs: 800, lease: { ttlMs: 800 } })).toEqual([
      'hangAfterMs is 800 ms: must be below lease.ttlMs (800 ms), or that runs out before',
    ])
  })
})

it('lists every problem in one error', () => {
  const wrong = { group: 'a:b', name: '{n}', redis: 7, url: 'ftp://a', lease: { ttlMs: 499 }, priority: 0.5 }
  const thrown = () => resolve(wrong)
  expect(thrown).toThrow(OptionsError)
  expect(thrown).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', retryable: false }))
  const problems = problemsOf(wrong)
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
    'group',
    'name',
    'redis',
    'lease.ttlMs',
    'url',
    'priority',
  ])
  for (const problem of problems) expect(thrown).toThrow(problem)
})

describe('names that become part of keys', () => {
  it.each(['', 'a:b', '{a}', 'a}', 'a b', 'a\n', 'x'.repeat(129), 7, null])(
    'refuses %j as a group',
    (group) => {
      expect(problemsOf({ group })).toEqual([
        `group is ${JSON.stringify(group)}: must be 1 to 128 characters without colons, braces or white space, since it is part of Redis keys`,
      ])
    },
  )

  it.each(['a', 'orders-v2', 'Ünïcode', 'x'.repeat(128)])('takes %j', (name) => {
    expect(problemsOf({ group: name, name })).toEqual([])
  })
})

describe('a logger', () => {
  it.each([{ info() {}, error() {} }, () => {}, null, 'debug', { debug: 1, info: 2, warn: 3, error: 4 }])(
    'is refused without the four methods: %p',
    (logger) => {
      expect(problemsOf({ logger })).toEqual([
        'logger must have the methods debug, info, warn and error, as one of pino has',
      ])
    },
  )

  it('is taken with them, whatever else it is', () => {
    expect(problemsOf({ logger: console })).toEqual([])
  })
})

describe('numbers', () => {
  it.each<[string, object, string]>([
    [
      'a lease too short',
      { lease: { ttlMs: 499 } },
      'lease.ttlMs is 499 ms: must be a whole number from 500 to 600000 ms',
    ],
    ['a lease too long', { lease: { ttlMs: 600_001 } }, 'lease.ttlMs is 600001 ms: must be'],
    [
      'no number',
      { heartbeatMs: Number.NaN },
      'heartbeatMs is NaN ms: must be a whole number from 50 to 60000 ms',
    ],
    ['a fraction', { writeTimeoutMs: 5000.5 }, 'writeTimeoutMs is 5000.5 ms: must be a whole number'],
    [
      'a text',
      { startTimeoutMs: '5000' },
      'startTimeoutMs is "5000" ms: must be a whole number from 100 to 3600000 ms',
    ],
    [
      'below zero',
      { stopTimeoutMs: -1 },
      'stopTimeoutMs is -1 ms: must be a whole number from 0 to 600000 ms',
    ],
    [
      'bytes',
      { maxEntryBytes: 1 },
      'maxEntryBytes is 1 bytes: must be a whole number from 256 to 16777216 bytes',
    ],
    ['more bytes', { maxQueuedBytes: 2 ** 32 }, 'maxQueuedBytes is 4294967296 bytes: must be'],
    ['a count', { maxQueuedWrites: 0 }, 'maxQueuedWrites is 0: must be a whole number from 1 to 1000000'],
    ['a priority', { priority: 1001 }, 'priority is 1001: must be a whole number from -1000 to 1000'],
    ['infinity', { commandTimeoutMs: Number.POSITIVE_INFINITY }, 'commandTimeoutMs is Infinity ms: must be'],
  ])('%s: says the option, the value, the unit and the bound', (_, given, problem) => {
    expect(problemsOf(given)[0]).toContain(problem)
  })
})

describe('relations', () => {
  it.each<[string, object, string]>([
    [
      'a command may not take as long as a write',
      { commandTimeoutMs: 3000, writeTimeoutMs: 3000 },
      'commandTimeoutMs is 3000: must be below writeTimeoutMs (3000 ms)',
    ],
    [
      'the largest entry must fit into the queue',
      { maxEntryBytes: 4096, maxQueuedBytes: 2048 },
      'maxEntryBytes is 4096: must not be above maxQueuedBytes (2048 bytes)',
    ],
  ])('%s', (_, given, problem) => {
    expect(problemsOf(given)).toEqual([expect.stringContaining(problem)])
  })
})

describe('addresses', () => {
  it.each(['ftp://a', 'a:80', '', '//a', 7, {}])('refuses %j as a URL', (value) => {
    expect(problemsOf({ url: value, publicUrl: value })).toEqual([
      `url is ${JSON.stringify(value)}: must be an http or https URL`,
      `publicUrl is ${JSON.stringify(value)}: must be an http or https URL`,
    ])
  })

  it('refuses a URL with a password, which every member would see, and does not show it', () => {
    const [problem] = problemsOf({ url: 'http://user:secret@a' })
    expect(problem).toMatch(/^url /)
    expect(problem).not.toContain('secret')
  })
})

describe('Redis', () => {
  const clients: Redis[] = []

  function client(options: object): Redis {
    const made = new Redis({ lazyConnect: true, ...options })
    clients.push(made)
    return made
  }

  afterEach(() => {
    for (const made of clients.splice(0)) made.disconnect()
  })

  it.each([
    url,
    'rediss://user:secret@a:1/3',
    'unix:///tmp/redis.sock',
    '/tmp/redis.sock',
    { host: 'a' },
    {},
  ])('takes %j', (redis) => {
    expect(problemsOf({ redis })).toEqual([])
  })

  it('takes a client of ioredis', () => {
    expect(problemsOf({ redis: client({}) })).toEqual([])
  })

  it.each([undefined, null, '', 'localhost:6379', 'http://a', 6379, ['redis://a']])('refuses %j', (redis) => {
    expect(problemsOf({ redis })).toEqual([
      'redis must be a redis:// or rediss:// URL, an options object of ioredis or an ioredis client',
    ])
  })

  it('shows no password', () => {
    expect(
      problemsOf({ redis: 'http://user:secret@a', lease: { redis: ['x:secret'] } }).join(),
    ).not.toContain('secret')
  })

  it.each([
    'redis://host/orders',
    'redis://host/1.5',
    'redis://host/-1',
    'redis://host?db=orders',
    { host: 'h', db: -1 },
    { host: 'h', db: Number.NaN },
  ])('refuses the database of %j', (redis) => {
    expect(problemsOf({ redis })).toEqual([
      'redis must name its database by a whole number of at least 0, as in redis://host:6379/1 or { db: 1 }',
    ])
  })

  it.each(['redis://user:secret%@h', 'redis://secret%:p@h', 'rediss://user:%zzsecret@h'])(
    'refuses %j, whose password cannot be told, without showing it',
    (redis) => {
      const problems = problemsOf({ redis, lease: { redis: [redis] } })
      expect(problems).toEqual([
        expect.stringMatching(/^redis has a user name or password with a "%"/),
        expect.stringMatching(/^lease\.redis\[0\] has a user name or password with a "%"/),
      ])
      expect(problems.join()).not.toContain('secret')
    },
  )

  it.each([
    ['options', () => ({ keyPrefix: 'p:' })],
    ['a client', () => client({ keyPrefix: 'p:' })],
    ['a URL', () => `${url}?keyPrefix=p:`],
  ])('refuses a keyPrefix in %s', (_, redis) => {
    expect(problemsOf({ redis: redis() })).toEqual([
      "redis has a keyPrefix, which BullMQ cannot use: the group's name keeps keys apart",
    ])
  })

  it('takes a Cluster: a client of ioredis, or settings that name some of its servers', () => {
    const client = new Redis.Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true })
    expect(problemsOf({ redis: client })).toEqual([])
    client.disconnect()
    const cluster = [{ host: 'h', port: 1 }, 'h:2', 'rediss://h:3', 4]
    expect(problemsOf({ redis: { cluster, password: 'p' } })).toEqual([])
  })

  it.each([[[]], ['h:1'], [[true]], [[{ name: 'h' }]], [['h:99999']], [['redis://u:p%@h']]])(
    'refuses %j as servers of a Cluster',
    (cluster) => {
      expect(problemsOf({ redis: { cluster } })).toEqual([
        "redis.cluster must name servers of the Cluster, as { host, port }, 'host:port', a URL or a port",
      ])
    },
  )

  it('refuses another database than the one that a Cluster has', () => {
    expect(problemsOf({ redis: { cluster: ['h:1'], db: 1 } })).toEqual([
      'redis.db is 1: must be 0: a Cluster has no other database',
    ])
  })

  it.each([0, 2, 4, 6, 7])('refuses %i lease nodes', (count) => {
    expect(
      problemsOf({ lease: { redis: Array.from({ length: count }, (_, i) => `redis://h${i}`) } }),
    ).toEqual([
      `lease.redis is ${count}: must name 1, 3 or 5 servers: an even number can tie, and a tie elects nobody`,
    ])
  })

  it('refuses the same lease node twice: two of its votes are no majority', () => {
    expect(problemsOf({ lease: { redis: [url, url, 'redis://b'] } })).toEqual([
      expect.stringContaining('lease.redis'),
    ])
  })

  it('says which lease node is wrong', () => {
    expect(problemsOf({ lease: { redis: [url, 'nonsense', 'redis://b'] } })).toEqual([
      expect.stringMatching(/^lease\.redis\[1\] must be/),
    ])
  })
})

it.each(['log', 'majority', 'fsync', { replicas: 2 }, { redisReplicas: 1 }])(
  'knows the write concern %j',
  (writeConcern) => {
    expect(problemsOf({ writeConcern })).toEqual([])
  },
)

it.each(['all', { replicas: 0 }, { replicas: 1.5 }, { replicas: 1, redisReplicas: 1 }, {}, 2])(
  'refuses the write concern %j',
  (writeConcern) => {
    expect(problemsOf({ writeConcern })).toEqual([expect.stringContaining('writeConcern is')])
  },
)

it('refuses what is no truth value', () => {
  expect(problemsOf({ eligible: 'no' })).toEqual(['eligible is "no": must be true or false'])
})
