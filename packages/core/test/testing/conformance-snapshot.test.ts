import { stopAll } from '../../../../test/support/stop-all.js'
import { LogOn } from './log-on.js'
import { servers } from './servers.js'

afterAll(stopAll)

describe.each(servers)('the snapshots of %s', (_name, start) => {
  const log = new LogOn(start)

  it('are read as they were written, and not before they are whole', async () => {
    await log.parts.snapshots.writeChunk('s', 0, Buffer.from([0, 255, 10]))
    expect(await log.parts.snapshots.readHead('s')).toBeUndefined()
    expect(await log.parts.snapshots.readChunk('s', 0)).toEqual(Buffer.from([0, 255, 10]))
    expect(await log.parts.snapshots.readChunk('s', 1)).toBeUndefined()
    const head = await log.store({ id: 's', index: 1, term: 2, terms: [] })
    expect(await log.parts.snapshots.readHead('s')).toEqual(head)
  })

  it('are switched in where they are on the log, and newer than the present one', async () => {
    const { connection, claim } = await log.leading(5)
    const { term, nonce } = claim
    const none = { before: undefined }
    const offer = (id: string, index: number) => ({ id, index, term, nonce })
    expect(await connection.installSnapshot(offer('s3', 3), none)).toBe(false) // it is not there
    for (const index of [3, 4, 5, 6]) await log.store({ id: `s${index}`, index, term, terms: [] })
    expect(await connection.installSnapshot(offer('s6', 6), none)).toBe(false)
    expect(await connection.installSnapshot({ ...offer('s3', 3), nonce: 'x' }, none)).toBe(false)
    expect(await connection.installSnapshot({ ...offer('s3', 3), term: term - 1 }, none)).toBe(false)
    expect(await connection.installSnapshot(offer('s3', 3), none)).toBe(true)
    expect(await connection.installSnapshot(offer('s3', 3), none)).toBe(false)
    expect(await connection.installSnapshot(offer('s4', 4), none)).toBe(true)
    expect(await connection.installSnapshot(offer('s5', 5), none)).toBe(false) // it would push out s3
    expect(await log.page()).toMatchObject({
      snapshot: { id: 's4', index: 4 },
      snapshotBefore: { id: 's3', index: 3 },
    })
    expect(await connection.installSnapshot(offer('s5', 5), { before: { id: 's3', index: 3 } })).toBe(true)
    await log.append(connection, 5, term)
    await log.store({ id: 's6', index: 6, term, terms: [] })
    await log.claimed()
    expect(await connection.installSnapshot(offer('s6', 6), { before: { id: 's4', index: 4 } })).toBe(false)
  })

  it('let the log be trimmed up to the one before the last', async () => {
    const { connection, claim } = await log.leading(5)
    const { term, nonce } = claim
    expect(await connection.trim(2)).toBe(false)
    for (const [index, before] of [
      [2, undefined],
      [4, undefined],
    ] as const) {
      await log.store({ id: `s${index}`, index, term, terms: [] })
      await connection.installSnapshot({ id: `s${index}`, index, term, nonce }, { before })
    }
    expect(await connection.trim(4)).toBe(false)
    expect(await connection.trim(3)).toBe(true)
    const { first, entries } = await log.page()
    expect({ first, left: entries.map(({ index }) => index) }).toEqual({ first: 3, left: [3, 4, 5] })
    await log.claimed()
    expect(await connection.trim(2)).toBe(false)
  })
})
