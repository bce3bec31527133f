import { Leadership } from '../../src/elect/leadership.js'
import type { LeaderInfo } from '../../src/events.js'
import type { LogPage } from '../../src/log/log-store.js'

let changes: (string | undefined)[]
let leadership: Leadership

beforeEach(() => {
  changes = []
  leadership = new Leadership('me', (leader) => changes.push(leader && `${leader.id} ${leader.term}`))
})

function info(id: string, term: number): LeaderInfo {
  return { id, term, url: undefined, publicUrl: undefined }
}

/** A look at the log that finds this claim. */
function page(id: string | undefined, term = 0, headTerm = term): LogPage {
  const leader = id === undefined ? undefined : info(id, term)
  return { term, headTerm, leader, leaderChanges: 0 } as LogPage
}

it('knows nobody at first', () => {
  expect(leadership.leader).toBeUndefined()
  expect(leadership.floor).toBe(0)
})

it('believes a claim that was made while it looked on', () => {
  leadership.read(page('former', 6))
  leadership.read(page('other', 7))
  expect(leadership.leader).toEqual(info('other', 7))
  expect(changes).toEqual(['other 7'])
})

it('does not believe the first claim that it sees before the lease was looked at: it may be years old', () => {
  leadership.read(page('other', 7))
  expect(leadership.leader).toBeUndefined()
  leadership.vacancy(false)
  expect(leadership.leader).toEqual(info('other', 7))
})

it('believes nobody while the lease is vacant, and an old claim again once it is not', () => {
  leadership.read(page('other', 7))
  leadership.vacancy(true)
  expect(leadership.leader).toBeUndefined()
  leadership.read(page('other', 7))
  expect(leadership.leader).toBeUndefined()
  leadership.vacancy(false)
  expect(leadership.leader).toEqual(info('other', 7))
})

it('believes a new claim although it saw a vacancy before', () => {
  leadership.read(page('other', 7))
  leadership.vacancy(true)
  leadership.read(page('third', 8))
  expect(leadership.leader).toEqual(info('third', 8))
})

it('knows what it heard of the end of a reign, and who should be next, until somebody claims', () => {
  leadership.read(page('other', 7))
  expect([leadership.lastReason, leadership.heir]).toEqual(['expired', undefined])
  leadership.heard('deposed', 'third')
  leadership.heard(undefined)
  leadership.read(page('other', 7))
  expect([leadership.lastReason, leadership.heir]).toEqual(['deposed', 'third'])
  leadership.read(page('fourth', 8))
  expect([leadership.lastReason, leadership.heir]).toEqual(['expired', undefined])
})

it('does not take an own claim for leadership before it serves', () => {
  leadership.read(page('me', 7))
  expect(leadership.leader).toBeUndefined()
  leadership.serve(info('me', 7))
  expect(leadership.leader).toEqual(info('me', 7))
  leadership.serve(undefined)
  expect(leadership.leader).toBeUndefined()
})

it('names itself while it serves, whatever a look at the log says', () => {
  leadership.serve(info('me', 7))
  leadership.read(page('other', 6))
  leadership.vacancy(true)
  expect(leadership.leader).toEqual(info('me', 7))
})

it('tells each change once', () => {
  leadership.read(page('other', 7))
  leadership.read(page('other', 7))
  leadership.vacancy(false)
  leadership.vacancy(true)
  leadership.vacancy(true)
  leadership.read(page('other', 8))
  expect(changes).toEqual(['other 7', undefined, 'other 8'])
})

it('has changed already when it tells', () => {
  const seen: unknown[] = []
  const watched: Leadership = new Leadership('me', () => seen.push(watched.leader?.id))
  watched.read(page('other', 7))
  watched.vacancy(false)
  expect(seen).toEqual(['other'])
})

it('keeps the highest term that it saw anywhere as the floor', () => {
  leadership.read(page('other', 7, 5))
  leadership.read(page(undefined, 0, 9))
  leadership.read(page('other', 8, 5))
  expect(leadership.floor).toBe(9)
  leadership.serve(info('me', 12))
  leadership.serve(undefined)
  expect(leadership.floor).toBe(12)
})
