import { Roster } from '../../src/elect/roster.js'
import { memberView } from '../member-view.js'

const HEARTBEAT_MS = 100

function rosterOf(...members: Parameters<typeof memberView>[]): Roster {
  const roster = new Roster(HEARTBEAT_MS)
  roster.update(members.map((member) => memberView(...member)))
  return roster
}

it('counts who missed less than three heartbeats as alive', () => {
  const roster = rosterOf(['a', { silentMs: 299 }], ['b', { silentMs: 300 }], ['c', { role: 'stopped' }])
  expect(roster.alive.map(({ id }) => id)).toEqual(['a'])
})

it('knows who has said that it stops', () => {
  const roster = rosterOf(['silent', { silentMs: 9999 }], ['stopped', { role: 'stopped' }])
  expect(['silent', 'stopped', 'stranger'].filter((id) => roster.hasLeft(id))).toEqual(['stopped'])
})

it('takes the newer of heartbeat and acknowledgement', () => {
  const roster = rosterOf(['a', { index: 5 }], ['b', { index: 5 }])
  roster.progressed('a', 7)
  roster.progressed('b', 3)
  expect(roster.all.map(({ index }) => index)).toEqual([7, 5])
})

it('does not lend the progress of one that is gone to a later one', () => {
  const roster = rosterOf(['a'])
  roster.progressed('a', 7)
  roster.update([])
  roster.update([memberView('a')])
  expect(roster.all.map(({ index }) => index)).toEqual([0])
})
