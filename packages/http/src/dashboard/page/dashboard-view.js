/** Showing what an instance answered: who leads, the members, the history. */

/** @import { Answer, Change, Group, Instance, Member } from './types.js' */
import { find, make, sync, write } from './dashboard-page.js'
import { count, duration, isPlanned, moment, nameOf, NONE, span, why } from './dashboard-text.js'

const FEW = 8

/** @param {string} kind @param {string} text */
function chip(kind, text) {
  return make('span', { class: 'chip', 'data-kind': kind }, [text])
}

/** @param {readonly (readonly [kind: string, text: string])[]} chips @param {HTMLElement} cell */
function showChips(cell, chips) {
  sync(
    cell,
    chips,
    ([kind, text]) => `${kind} ${text}`,
    ([kind, text]) => chip(kind, text),
  )
}

/** @param {Member} member @returns {(readonly [string, string])[]} */
function stateOf({ alive, halted, eligible }) {
  if (!alive) return [['bad', 'silent']]
  if (halted) return [['bad', `does not apply the log: ${halted}`]]
  return eligible ? [['', 'alive']] : [['warn', 'must not lead']]
}

/** A row of so many cells; the first is its header. @param {readonly string[]} classes */
function row(classes) {
  const cells = classes.map((name, at) =>
    at === 0 ? make('th', { scope: 'row', class: name }) : make('td', { class: name }),
  )
  return make('tr', {}, cells)
}

/** @param {HTMLTableRowElement} element @param {readonly (string | readonly (readonly [string, string])[])[]} contents */
function fill(element, contents) {
  contents.forEach((content, at) => {
    const cell = /** @type {HTMLElement} */ (element.children[at])
    if (typeof content === 'string') write(cell, content)
    else showChips(cell, content)
  })
}

/** Shows the group as it was when it was last heard of. */
export class View {
  #isWhole = false
  #newest = 0
  /** @type {readonly Change[]} */
  #history = []
  /** @type {readonly Member[]} */
  #members = []

  constructor() {
    const more = find('history-more')
    more.addEventListener('click', () => {
      this.#isWhole = !this.#isWhole
      this.#showHistory()
    })
  }

  /** @param {Answer} answer @param {number} nowMs the time there, by now */
  show({ status: { group, instance } }, nowMs) {
    write('self', instance.name)
    if (!group) return
    const { leader, members, history } = group
    const name = leader && nameOf(leader.id, members)
    write('group', group.name)
    document.title = `${name === null ? 'no leader' : `${name} leads`} · ${group.name}`
    write('leader', name ?? 'nobody leads')
    write('leader-since', sinceOf(group, nowMs))
    write('head', count(group.head))
    write('term', group.term === 0 ? NONE : String(group.term))
    write(
      'changes',
      `${count(group.leaderChanges)} ${group.leaderChanges === 1 ? 'change' : 'changes'} of leader`,
    )
    const alive = members.filter((member) => member.alive)
    write('alive', `${alive.length} of ${members.length}`)
    const most = Math.max(0, ...alive.map(({ lagEntries }) => lagEntries))
    write('alive-sub', most === 0 ? 'all at the head' : `up to ${count(most)} behind`)
    this.#showMembers(members, instance)
    this.#history = history
    this.#members = members
    this.#showHistory()
  }

  /** @param {readonly Member[]} members @param {Instance} self */
  #showMembers(members, self) {
    const classes = [
      '',
      '',
      '',
      'number right',
      'number right less',
      'number right less',
      'number right less',
    ]
    const sorted = members.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    sync(
      find('members'),
      sorted,
      ({ id }) => id,
      () => row(classes),
      (element, member) => {
        const { role, alive, lagEntries, appliedIndex, load, appVersion } = member
        const isSelf = member.id === self.id
        fill(element, [
          member.name,
          [[role === 'leader' && alive ? 'lead' : '', role]],
          isSelf && self.stale && !self.halted ? [['warn', 'stale']] : stateOf(member),
          count(lagEntries),
          count(appliedIndex),
          `${Math.round(load * 100)} %`,
          appVersion === 0 ? NONE : String(appVersion),
        ])
      },
    )
  }

  #showHistory() {
    const history = this.#history
    const classes = ['number when', '', '', 'number right', 'number right less']
    const before = this.#newest
    this.#newest = history[0]?.atMs ?? before
    sync(
      find('history'),
      this.#isWhole ? history : history.slice(0, FEW),
      ({ term }) => String(term),
      ({ atMs }) => {
        const element = row(classes)
        if (before > 0 && atMs > before) element.className = 'new'
        return element
      },
      (element, { atMs, leader, reason, recoverMs, term }) => {
        const planned = isPlanned(reason)
        fill(element, [
          moment(atMs),
          nameOf(leader, this.#members),
          [[planned ? '' : 'warn', planned ? why(reason) : `failover: ${why(reason)}`]],
          recoverMs === null ? NONE : duration(recoverMs),
          String(term),
        ])
      },
    )
    const more = find('history-more')
    more.hidden = history.length <= FEW
    more.setAttribute('aria-expanded', String(this.#isWhole))
    write(more, this.#isWhole ? 'Show fewer' : `Show all ${history.length}`)
  }
}

/** Since when who leads leads. @param {Group} group @param {number} nowMs */
function sinceOf({ leader, history, members }, nowMs) {
  const last = history[0]
  if (!last) return '\u00a0'
  if (!leader) return `${nameOf(last.leader, members)} led last`
  // A reign may have begun that is not written down yet, or was written down before this instance heard of it.
  if (last.leader !== leader.id) return 'since just now'
  return `since ${moment(last.atMs)}, for ${span(nowMs - last.atMs)}`
}

/** What a change of leader is called when it is told. @param {Group} group */
export function newsOf({ leader, history, members }) {
  if (!leader) return 'Nobody leads.'
  const last = history[0]
  const reason = last?.leader === leader.id && last.reason !== null ? ` (${why(last.reason)})` : ''
  return `${nameOf(leader.id, members)} leads now${reason}.`
}

/** @param {Group} group */
export function pauseOf({ paused, pauseLeftMs }) {
  if (!paused) return undefined
  const until = pauseLeftMs === null ? 'until it is resumed' : `for another ${span(pauseLeftMs)}`
  return `Failover is paused ${until}: nobody takes over by itself.`
}
