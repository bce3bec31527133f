import { stopAll } from '../../../../test/support/stop-all.js'
import type { SnapshotHead } from '../../src/log/snapshot.js'
import { LogOn } from './log-on.js'
import { servers } from './servers.js'

afterAll(stopAll)

describe.each(servers)('a log that has lost entries of %s', (_name, start) => {
  const log = new LogOn(start)

  const present = { snapshot: undefined, snapshotBefore: undefined }

  it('ends at the snapshot that its leader puts there', async () => {
    const { connection, claim } = await log.leading(2)
    const terms = [
      { term: claim.term, nonce: claim.nonce, first: 1 },
      { term: claim.term + 5, nonce: 'n', first: 4 },
    ]
    const head = await log.store({ id: 's9', index: 9, term: claim.term + 5, terms })
    const after = await connection.reSeed(head, present)
    expect(after).toMatchObject({ logId: 'L', term: claim.term, head: 9, headTerm: claim.term + 5 })
    expect(after?.nonce).not.toBe(claim.nonce)
    expect(claim.seed).toBe('')
    expect(after?.seed).toBe(after?.nonce)
    expect((await log.page()).seed).toBe(after?.nonce)
    const { nonce, first, entries, snapshot, table } = await log.page()
    expect({ nonce, first, entries, snapshot }).toEqual({
      ...{ nonce: after?.nonce, first: 10, entries: [] },
      snapshot: { id: 's9', index: 9 },
    })
    expect(table?.rows).toEqual(terms)
    expect(await log.append(connection, 9, claim.term + 5)).toMatchObject({ kind: 'appended', first: 10 })
    expect((await log.claimed()).claim.seed).toBe(after?.nonce)
  })

  it('is created anew where there is none', async () => {
    const { connection } = await log.claimed()
    const head = await log.store({ id: 's9', index: 9, term: 7, terms: [{ term: 7, nonce: 'n', first: 1 }] })
    expect(await connection.reSeed(head, present)).toMatchObject({ logId: 'L', head: 9 })
  })

  it.each<[string, (head: SnapshotHead) => SnapshotHead]>([
    ['does not reach further', (head) => ({ ...head, index: 2 })],
    ['is of another log', (head) => ({ ...head, logId: 'M' })],
    ['is not whole', (head) => ({ ...head, chunks: 2 })],
    ['is not there', (head) => ({ ...head, id: 'x' })],
  ])('is left alone if the snapshot %s', async (_why, spoil) => {
    const { connection, claim } = await log.leading(2)
    const terms = [{ term: claim.term, nonce: claim.nonce, first: 1 }]
    const head = await log.store({ id: 's9', index: 9, term: claim.term, terms })
    expect(await connection.reSeed(spoil(head), present)).toBeUndefined()
    expect((await log.page()).head).toBe(2)
  })

  it('is left alone by whoever does not lead, or does not know its snapshots', async () => {
    const { connection, claim } = await log.leading(2)
    const terms = [{ term: claim.term, nonce: claim.nonce, first: 1 }]
    const head = await log.store({ id: 's9', index: 9, term: claim.term, terms })
    const other = { id: 'other', index: 1 }
    expect(await connection.reSeed(head, { ...present, snapshot: other })).toBeUndefined()
    expect(await connection.reSeed(head, { ...present, snapshotBefore: other })).toBeUndefined()
    await log.claimed()
    expect(await connection.reSeed(head, present)).toBeUndefined()
  })
})
