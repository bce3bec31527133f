/** The dashboard of one instance: asks it twice a second how the group is, and shows that. */

/** @import { Answer } from './types.js' */
import { Charts } from './dashboard-charts.js'
import { find, make, sync, write } from './dashboard-page.js'
import { Poll } from './dashboard-poll.js'
import { Steering } from './dashboard-steering.js'
import { moment, span } from './dashboard-text.js'
import { newsOf, pauseOf, View } from './dashboard-view.js'

/** An answer that is older is called so: the next one is overdue. */
const OLD_MS = 2000

const view = new View()
const charts = new Charts()
/** @type {Answer | undefined} the last one */
let last
/** @type {Answer | undefined} the last one that tells of the group, which the instance cannot when Redis is out of reach */
let lastWhole
/** @type {string | null | undefined} */
let lastLeader
/** @type {Error | undefined} why nothing was heard since */
let trouble
let frozen = false
let wasSilent = false

const poll = new Poll(
  (answer) => {
    trouble = undefined
    last = answer
    if (answer.status.group) lastWhole = answer
    charts.add(answer)
    steering.show(answer)
    tellNews(answer)
    show()
  },
  (error) => {
    trouble = error
    show()
  },
)
const steering = new Steering(() => poll.now())

/** @param {Answer} answer */
function tellNews({ status: { group } }) {
  if (!group) return
  const leader = group.leader?.id ?? null
  if (lastLeader !== undefined && lastLeader !== leader) write('news', newsOf(group))
  lastLeader = leader
}

/** What time it is at the instance, by its last answer. @param {Answer} answer */
function serverNow({ serverMs, atMs }) {
  return serverMs + performance.now() - atMs
}

function show() {
  const ageMs = last ? performance.now() - last.atMs : 0
  const isSilent = trouble !== undefined || (!frozen && !document.hidden && ageMs > OLD_MS)
  if (last)
    view.show(
      { ...last, status: { ...last.status, group: last.status.group ?? lastWhole?.status.group ?? null } },
      frozen ? last.serverMs : serverNow(last),
    )
  if (isSilent !== wasSilent) write('news', linkText(isSilent))
  wasSilent = isSilent
  document.body.classList.toggle('stale', isSilent || (last !== undefined && last.status.group === null))
  find('link').dataset['state'] = isSilent ? 'silent' : frozen || !last ? 'asking' : 'live'
  write('link-text', linkText(isSilent))
  sync(
    find('banners'),
    banners(isSilent, ageMs),
    ({ key }) => key,
    makeBanner,
    (element, { text }) => write(/** @type {Element} */ (element.firstElementChild), text),
  )
}

/** @param {boolean} isSilent */
function linkText(isSilent) {
  if (frozen && last) return `frozen at ${moment(last.serverMs)}`
  if (!last) return isSilent ? 'no answer' : 'asking …'
  return `${last.status.instance.name} ${isSilent ? 'does not answer' : 'answers'}`
}

/** @typedef {{ key: string, kind: 'warn' | 'bad', text: string, others?: readonly { name: string, href: string }[] }} Banner */

/** @param {boolean} isSilent @param {number} ageMs @returns {Banner[]} */
function banners(isSilent, ageMs) {
  /** @type {Banner[]} */
  const found = []
  if (isSilent) {
    const name = last?.status.instance.name ?? 'The instance'
    const since = last ? ` for ${span(ageMs)}. What is shown is what it said last` : ''
    const others = othersOf(lastWhole)
    found.push({
      key: `silent ${others.map(({ href }) => href).join(' ')}`,
      kind: 'bad',
      text: `${name} has not answered${since}; it is asked again and again.${others.length > 0 ? ' Others of the group:' : ''}`,
      others,
    })
  }
  if (last?.status.error) {
    const text = `The group cannot be asked: ${last.status.error.message} What is shown of it is old.`
    found.push({ key: 'group', kind: 'bad', text })
  }
  const group = lastWhole?.status.group
  const paused = group && pauseOf(group)
  if (paused) found.push({ key: 'paused', kind: 'warn', text: paused })
  if (group && !group.leader) found.push({ key: 'vacant', kind: 'bad', text: 'Nobody leads: writes wait.' })
  return found
}

/** Where the other instances have this page, if clients can reach each by an address of its own. @param {Answer | undefined} answer */
function othersOf(answer) {
  const { instance, group } = answer?.status ?? {}
  return (group?.members ?? []).flatMap(({ id, name, publicUrl, alive }) => {
    if (!alive || id === instance?.id || !URL.canParse(publicUrl ?? '')) return []
    const { protocol, origin } = new URL(publicUrl ?? '')
    if (!/^https?:$/.test(protocol) || origin === location.origin) return []
    return [{ name, href: `${origin}${location.pathname}` }]
  })
}

/** @param {Banner} banner */
function makeBanner({ kind, others = [] }) {
  const links = others.flatMap(({ name, href }) => [' ', make('a', { href }, [name])])
  return make('p', { class: 'banner', 'data-kind': kind }, [make('span'), ...links])
}

find('freeze').addEventListener('click', () => {
  frozen = !frozen
  find('freeze').setAttribute('aria-pressed', String(frozen))
  poll.freeze(frozen)
  show()
})
// Times go on between two answers, and an answer grows old.
setInterval(() => {
  if (!frozen) show()
}, 1000)
