import { stopAll } from '../../../../test/support/stop-all.js'
import { LogOn } from './log-on.js'
import { servers } from './servers.js'

afterAll(stopAll)

describe.each(servers)('a claim on the log of %s', (_name, start) => {
  const log = new LogOn(start)

  it('finds nothing at first, gets a term, and is what everybody reads then', async () => {
    const { claim } = await log.claimed({ reason: 'expired' })
    expect(claim).toMatchObject({ logId: '', head: 0, headTerm: 0, replIdChanged: false })
    expect(claim.term).toBeGreaterThan(1e12)
    const { nonce, replId } = claim
    expect(await log.page()).toMatchObject({
      ...{
        term: claim.term,
        nonce,
        replId,
        leaseValue: log.leaseValue,
        reason: 'expired',
        leaderChanges: 1,
        head: 0,
        first: 1,
      },
      leader: { id: 'a', url: 'http://a', publicUrl: undefined, term: claim.term },
    })
  })

  it('is outrun if another came between', async () => {
    const [first, second] = await Promise.all([log.connect(), log.connect()])
    const expectedTerm = await second.storedTerm()
    const outcome = await log.claimOn(first)
    const term = outcome.kind === 'claimed' ? outcome.claim.term : undefined
    expect(await log.claimOn(second, { expectedTerm })).toEqual({ kind: 'outrun', term })
  })

  it('needs the lease', async () => {
    const connection = await log.connect()
    expect(await log.claimOn(connection, { leaseValue: 'another' })).toEqual({ kind: 'leaseLost' })
    expect(await connection.storedTerm()).toBe(0)
  })

  it('of an older app is refused once a newer one has written', async () => {
    const { connection, claim } = await log.claimed({ appVersion: 3 })
    await connection.createLog('L')
    const before = await log.claimed({ appVersion: 2 })
    expect(before.claim.term).toBeGreaterThan(claim.term) // nothing is written yet
    const newer = await log.claimed({ appVersion: 3 })
    await log.append(newer.connection, 0, 0)
    expect(await log.claimOn(await log.connect(), { appVersion: 2 })).toEqual({
      kind: 'tooOld',
      appVersion: 3,
    })
  })

  it('lies above the floor and above the last one', async () => {
    const floor = Date.now() + 1e9
    const first = await log.claimed({ floor })
    expect(first.claim.term).toBeGreaterThan(floor)
    const second = await log.claimed()
    expect(second.claim.term).toBeGreaterThan(first.claim.term)
    expect(second.claim.nonce).not.toBe(first.claim.nonce)
  })

  it('counts changes of leader, not claims', async () => {
    await log.claimed()
    await log.claimed()
    expect((await log.page()).leaderChanges).toBe(1)
    await log.claimed({ leader: { id: 'b', url: undefined, publicUrl: 'https://b' } })
    expect(await log.page()).toMatchObject({
      leaderChanges: 2,
      leader: { id: 'b', url: undefined, publicUrl: 'https://b' },
    })
  })

  it('notices that the server is in another life than at the last write', async () => {
    const { claim } = await log.leading(1)
    await log.restart()
    const after = await log.claimed()
    expect(after.claim).toMatchObject({ logId: 'L', head: 1, headTerm: claim.term, replIdChanged: true })
    expect(after.claim.table.rows).toEqual([{ term: claim.term, nonce: claim.nonce, first: 1 }])
    expect(after.claim.replId).not.toBe(claim.replId)
    expect((await log.claimed()).claim.replIdChanged).toBe(true) // until something is written
    expect((await log.page()).replIdChanged).toBe(true)
    const last = await log.claimed()
    await log.append(last.connection, 1, claim.term)
    expect((await log.claimed()).claim.replIdChanged).toBe(false)
    expect((await log.page()).replIdChanged).toBe(false)
  })

  it('notices that, too, where nothing was written but the log itself', async () => {
    await log.leading()
    expect((await log.claimed()).claim.replIdChanged).toBe(false)
    await log.restart()
    expect((await log.claimed()).claim.replIdChanged).toBe(true)
  })
})
