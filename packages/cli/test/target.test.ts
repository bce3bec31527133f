import { startCluster } from '../../../test/support/redis-cluster.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { keysOf } from '../../core/src/redis/keys.js'
import { journalNode, newGroup, stopNodes } from '../../core/test/nodes.js'
import { redisTarget } from '../src/target.js'
import { leasehold, recordIn } from './cli.js'

const NO_FILES = { ca: undefined, cert: undefined, key: undefined }

it.each([
  ['redis://u:p@h:1/2', 'redis://u:p@h:1/2'],
  [
    'redis+cluster://u:p%40ss@h:1,[::1]:2,third',
    {
      cluster: [
        { host: 'h', port: 1 },
        { host: '::1', port: 2 },
        { host: 'third', port: 6379 },
      ],
      username: 'u',
      password: 'p@ss',
    },
  ],
  [
    'rediss+sentinel://:p@h,h2:2/set/3',
    {
      sentinels: [
        { host: 'h', port: 26_379 },
        { host: 'h2', port: 2 },
      ],
      name: 'set',
      db: 3,
      password: 'p',
      tls: {},
    },
  ],
])('%s', (url, target) => {
  expect(redisTarget(url, NO_FILES)).toEqual(target)
})

it.each(['redis+cluster://u:sec%zzret@h', 'redis+sentinel://:p@h/se%t', 'redis+cluster://u%:p@h'])(
  'a bare % is told of, and the password is not: %s',
  (url) => {
    expect(() => redisTarget(url, NO_FILES)).toThrow(/has a % that stands for nothing/)
    expect(() => redisTarget(url, NO_FILES)).not.toThrow(/zzret/)
  },
)

it('finds a group in a Cluster through any of its servers', async () => {
  const group = newGroup()
  const cluster = await startCluster(keysOf(group).meta, { copies: 0, appendOnly: 'no' })
  const servers = cluster.servers.map(({ port }) => `127.0.0.1:${port}`)
  const node = journalNode({ group, redis: { cluster: servers } })
  await node.start()
  for (const server of servers) {
    const ran = await leasehold(['status', '--json', '-g', group, '--redis', `redis+cluster://${server}`])
    expect(ran.code).toBe(0)
    expect(recordIn(ran)).toMatchObject({ group, leader: { id: node.id } })
  }
  const unnamed = await leasehold(['status', '--redis', `redis+cluster://${servers[0]}`])
  expect(unnamed).toMatchObject({ code: 64, out: '' })
})
afterAll(async () => {
  await stopNodes()
  await stopAll()
})
