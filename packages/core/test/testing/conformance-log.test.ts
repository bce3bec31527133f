import { stopAll } from '../../../../test/support/stop-all.js'
import { LogOn } from './log-on.js'
import { servers } from './servers.js'

afterAll(stopAll)

describe.each(servers)('the log of %s', (_name, start) => {
  const log = new LogOn(start)

  it('is created once, by who claimed last', async () => {
    const old = await log.claimed()
    const { connection } = await log.claimed()
    expect(await old.connection.createLog('L0')).toBeUndefined()
    expect(await connection.createLog('L')).toBe('L')
    const next = await log.claimed()
    expect(await next.connection.createLog('L2')).toBe('L')
  })

  it('takes entries at its end', async () => {
    const { connection, claim } = await log.leading()
    const first = await log.append(connection, 0, 0, 2)
    expect(first).toMatchObject({ kind: 'appended', first: 1 })
    const second = await log.append(connection, 2, claim.term)
    expect(second).toMatchObject({ kind: 'appended', first: 3 })
    const { entries, head, headTerm, table } = await log.page()
    expect({ head, headTerm }).toEqual({ head: 3, headTerm: claim.term })
    expect(entries.map(({ index, opId }) => [index, opId])).toEqual([
      [1, 'e1'],
      [2, 'e2'],
      [3, 'e3'],
    ])
    expect(entries[0]).toMatchObject({ term: claim.term, version: 1, command: 'add', args: { name: 'e1' } })
    const times = entries.map(({ timeMs }) => timeMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(table?.rows).toEqual([{ term: claim.term, nonce: claim.nonce, first: 1 }])
  })

  it('takes none where the leader believes it ends elsewhere', async () => {
    const { connection, claim } = await log.leading(2)
    expect(await log.append(connection, 1, claim.term)).toEqual({
      kind: 'mismatch',
      why: 'the log ends at 2, not at 1',
    })
    expect(await log.append(connection, 2, claim.term - 1)).toMatchObject({ kind: 'mismatch' })
    expect((await log.page()).head).toBe(2)
  })

  it('takes none from whoever is not the last to have claimed, nor after it is gone', async () => {
    const old = await log.leading(1)
    await log.claimed()
    expect(await log.append(old.connection, 1, old.claim.term)).toMatchObject({ kind: 'fenced' })
    await log.server.wipe()
    expect(await log.append(old.connection, 1, old.claim.term)).toEqual({
      kind: 'fenced',
      why: 'there is no log',
    })
  })

  it('has a row for each term that has written, and none for others', async () => {
    const first = await log.leading(2)
    await log.claimed()
    const third = await log.claimed()
    await log.append(third.connection, 2, first.claim.term)
    expect((await log.page()).table?.rows).toEqual([
      { term: first.claim.term, nonce: first.claim.nonce, first: 1 },
      { term: third.claim.term, nonce: third.claim.nonce, first: 3 },
    ])
  })

  it('is read in pages, and its table only by who does not know its present', async () => {
    await log.leading(5)
    const { logId, nonce, replId, seed, entries } = await log.page(1, 2)
    expect(entries.map(({ index }) => index)).toEqual([2, 3])
    expect((await log.parts.log.read(5, 10, { logId, nonce, replId, seed })).table).toBeUndefined()
    expect(
      (await log.parts.log.read(5, 10, { logId, nonce, replId: 'other', seed })).table?.rows,
    ).toHaveLength(1)
    expect((await log.parts.log.read(9, 10, undefined)).entries).toEqual([])
  })

  it('cuts a page where it gets large', async () => {
    const { connection } = await log.leading()
    const large = JSON.stringify({ o: 'x', f: '', v: 1, c: 'add', a: 'y'.repeat(600_000) })
    await connection.append({ head: 0, headTerm: 0, entries: [large, large, large] })
    expect((await log.page()).entries).toHaveLength(2)
  })

  it('ends with its connection: a broken one knows that', async () => {
    const { connection, claim } = await log.leading(1)
    expect(connection.closed.aborted).toBe(false)
    const closed = new Promise((resolve) => connection.closed.addEventListener('abort', resolve))
    await log.server.restart()
    await closed
    await expect(log.append(connection, 1, claim.term)).rejects.toBeInstanceOf(Error)
  })

  it('says anew where its leader is reached, by who claimed last', async () => {
    const { claim } = await log.claimed()
    const urls = { url: 'http://new', publicUrl: 'https://new' }
    expect(await log.parts.log.setLeaderUrl(claim, urls)).toBe(true)
    expect((await log.page()).leader).toEqual({ id: 'a', term: claim.term, ...urls })
    expect(await log.parts.log.setLeaderUrl(claim, { url: 'http://new', publicUrl: undefined })).toBe(true)
    expect((await log.page()).leader?.publicUrl).toBeUndefined()
    await log.claimed()
    expect(await log.parts.log.setLeaderUrl(claim, urls)).toBe(false)
    expect((await log.page()).leader?.url).toBe('http://a')
  })

  it('remembers changes of leader, newest first, by who claimed last', async () => {
    const { claim } = await log.claimed()
    await log.parts.log.recordChange('other', {
      term: 1,
      leader: 'x',
      reason: undefined,
      recoverMs: undefined,
    })
    for (let term = 1; term <= 101; term++)
      await log.parts.log.recordChange(claim.nonce, { term, leader: 'a', reason: 'deposed', recoverMs: 3 })
    const changes = await log.parts.log.changes()
    expect(changes).toHaveLength(100)
    expect(changes[0]).toMatchObject({ term: 101, leader: 'a', reason: 'deposed', recoverMs: 3 })
    expect(changes.at(-1)).toMatchObject({ term: 2 })
  })
})
