import { importSnapshot } from '@leasehold/core'
import { callOf } from '../faults/ledger-group.js'
import { eventually } from '../support/deadline.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { stopAll } from '../support/stop-all.js'
import { startProxy } from '../support/tcp-proxy.js'
import { exported, headerOf, lasting, startVault, textOf, type VaultNode } from './vault.js'

let redis: RedisServer
let file: Buffer
let state: string
const running: VaultNode[] = []

beforeAll(async () => {
  redis = await startRedis()
  const node = await startVault(redis, 'origin')
  await node.write('grow', { count: 4000 })
  file = await exported(node)
  state = textOf(node)
  await node.stop()
})
beforeEach(() => redis.wipe())
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()))
})
afterAll(stopAll)

const into = (source: Parameters<typeof importSnapshot>[1], options: object = {}) =>
  importSnapshot({ group: 'vault', redis: redis.url, ...options }, source)

describe('when Redis fails during an import', () => {
  it('on the way, nothing lasting is left', async () => {
    const proxy = await startProxy({ targetPort: redis.port })
    const cut = proxy.cutWhen('toServer', (bytes) => bytes.includes('multi'))
    await expect(into([file], { redis: `redis://127.0.0.1:${proxy.port}` })).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('Nothing was changed'),
    })
    await cut
    expect(await lasting(redis)).toEqual({})
  })

  it('and loses what was stored on the way, nothing of it is used', async () => {
    async function* losing() {
      yield file.subarray(0, file.length - 10)
      const [key = ''] = await eventually(async () => {
        const found = (await redis.command('KEYS', '*:snapshot:*')) as string[]
        return found.length > 0 && found
      })
      await redis.command('HDEL', key, '0')
      yield file.subarray(file.length - 10)
    }
    await expect(into(losing())).rejects.toMatchObject({ code: 'LOG_REFUSED', retryable: true })
    expect(await redis.command('KEYS', '*')).toEqual([])
  })

  it('for want of memory, says so, and nothing lasting is left', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    const outcome = await into([file]).catch((error: unknown) => error)
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(outcome).toMatchObject({
      code: 'LOG_REFUSED',
      message: expect.stringContaining('OOM'),
    })
    expect(await redis.command('KEYS', '*')).toEqual([])
  })

  it('and the reply to the last step is lost, it is looked whether that has run', async () => {
    await into([file], { group: 'warm-up' }) // so that the script is known and called by its digest
    const proxy = await startProxy({ targetPort: redis.port })
    let calls = 0
    const isSwitch = callOf('importSnapshot')
    const lost = proxy.cutAfterReplyTo((bytes) => isSwitch(bytes) && ++calls === 2)
    const imported = await into([file], { redis: `redis://127.0.0.1:${proxy.port}` })
    await lost
    const node = await startVault(redis, 'a')
    running.push(node)
    expect(node.position.logId).toBe(imported.logId)
    expect(textOf(node)).toBe(state)
    expect(headerOf(await exported(node))).toMatchObject({ index: 1 })
  })

  it('and it cannot be known whether the last step has run, says so', async () => {
    await into([file], { group: 'warm-up' })
    const proxy = await startProxy({ targetPort: redis.port })
    let calls = 0
    const isSwitch = callOf('importSnapshot')
    const cut = proxy.cutWhen('toServer', (bytes) => isSwitch(bytes) && ++calls === 2)
    await expect(into([file], { redis: `redis://127.0.0.1:${proxy.port}` })).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    })
    await cut
    expect(await lasting(redis, /\{vault\}/)).toEqual({})
  })
})
