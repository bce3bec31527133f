import { eventually } from '../support/deadline.js'
import { type InstanceGroup, startGroup } from '../support/instances.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'

const PASSWORD = 'never-to-be-seen'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
  await redis.command('ACL', 'SETUSER', 'app', 'on', `>${PASSWORD}`, '~*', '&*', '+@all')
})
afterAll(stopAll)

function groupWith(debug: string, instances = 2): Promise<InstanceGroup> {
  const url = `redis://app:${PASSWORD}@127.0.0.1:${redis.port}`
  return startGroup({ redis: { url }, instances, env: { DEBUG: debug, DEBUG_COLORS: 'no' } })
}

it('DEBUG=leasehold:* shows a failover on a survivor that was given no logger, and no password', async () => {
  const group = await groupWith('leasehold:*')
  const [leader, [survivor]] = [await group.leader(), await group.followers()]
  await leader.kill9()
  const said = await eventually(() => {
    const text = survivor?.stderr() ?? ''
    return text.includes('event=elected') && text
  })
  const line = (event: string) =>
    said
      .split('\n')
      .filter((each) => each.includes(`event=${event} `))
      .at(-1)
  expect(line('deposed')).toMatch(
    /leasehold:warn the process of the leader is gone.* group=\S+ id=\S+ event=deposed/,
  )
  expect(line('elected')).toMatch(
    /leasehold:info this instance leads group=\S+ id=\S+ event=elected term=\d{13} before=\S+ reason=deposed recoverMs=\d+$/,
  )
  const secret = (await redis.command('HGET', `leasehold:{${group.name}}:meta`, 'secret')) as string
  for (const text of [said, leader.stderr()]) {
    expect(text).toContain('leasehold:info')
    expect(text).not.toContain(PASSWORD)
    expect(text).not.toContain(secret)
  }
})

it('a level can be left out, and without DEBUG there is nothing', async () => {
  const [some, none] = await Promise.all([groupWith('leasehold:*,-leasehold:info', 1), groupWith('', 1)])
  const [one, silent] = await Promise.all([some.leader(), none.leader()])
  expect(one.stderr()).toContain('leasehold:warn')
  expect(one.stderr()).not.toContain('leasehold:info')
  expect(silent.stderr()).toBe('')
})
