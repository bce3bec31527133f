import { stopAll } from '../../../../test/support/stop-all.js'
import { LogOn } from './log-on.js'
import { servers } from './servers.js'

afterAll(stopAll)

describe.each(servers)('who is in the group of %s', (_name, start) => {
  const log = new LogOn(start)

  it('is agreed: the application, its version, the secrets', async () => {
    const { log: store } = log.parts
    const secrets = await store.join('app', 1, undefined)
    expect(secrets).toMatchObject({ previous: '', next: '' })
    expect(await store.join('app', 1, undefined)).toEqual(secrets)
    await expect(store.join('other', 1, undefined)).rejects.toMatchObject({ code: 'APP_MISMATCH' })
    const { connection } = await log.claimed({ appVersion: 4 })
    await connection.createLog('L')
    await log.append(connection, 0, 0)
    await expect(store.join('app', 3, undefined)).rejects.toMatchObject({ code: 'VERSION_TOO_OLD' })
    expect(await store.join('app', 3, secrets)).toEqual(secrets)
    expect((await log.page()).secretVersion).toBe(secrets.version)
  })

  it('goes through three steps to other secrets, and brings back what Redis has lost', async () => {
    const { log: store } = log.parts
    const first = await store.join('app', 1, undefined)
    const second = await store.rotateSecret(first.version)
    expect(second).toMatchObject({ secret: first.secret, previous: '' })
    expect(second?.next).not.toBe('')
    expect(await store.rotateSecret(first.version)).toBeUndefined()
    const third = await store.rotateSecret(second?.version ?? '')
    expect(third).toMatchObject({ secret: second?.next, previous: first.secret, next: '' })
    const last = await store.rotateSecret(third?.version ?? '')
    expect(last).toMatchObject({ secret: second?.next, previous: '', next: '' })
    expect(await store.join('app', 1, first)).toEqual(last) // older ones are not believed
    await log.server.wipe()
    const { version, ...kept } = await store.join('app', 1, last)
    expect(kept).toEqual({ secret: last?.secret, previous: '', next: '' })
    expect(version).not.toBe(last?.version)
  })
})
