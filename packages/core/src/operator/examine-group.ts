import { isGone, type MemberView } from '../elect/members.js'
import type { LogPage } from '../log/log-store.js'
import type { StreamEnds } from '../redis/operator-parts.js'
import { failure, type Finding, fine, skipped, warning } from './finding.js'
import { isThere, leaderIn, timingOf } from './group-report.js'

/** What is looked at of a group. */
export interface GroupFacts {
  readonly page: LogPage
  /** What is in the stream, looked at after that. */
  readonly ends: StreamEnds
  /** The log after that again: writes and trimming go on meanwhile, and are no contradiction. */
  readonly pageAfter: LogPage
  readonly views: readonly MemberView[]
  readonly present: ReadonlySet<string> | undefined
  readonly paused: boolean
  readonly queues: { readonly ids: readonly string[]; readonly complete: boolean } | undefined
}

/** Whether a group is well, as far as its keys tell. */
export function examineGroup(facts: GroupFacts): Finding[] {
  const alive = facts.views.filter((view) => isThere(view, facts.present))
  return [
    log(facts),
    leader(facts),
    members(facts, alive),
    ...(alive.length > 0 ? [versions(alive), options(alive)] : []),
    queues(facts),
  ]
}

/** Whether all that says where the log begins and ends says the same. */
function log({ page, ends, pageAfter }: GroupFacts): Finding {
  const { logId, head, headTerm, first, table, term, snapshot } = page
  if (logId === '') {
    return head === 0 && ends.first === undefined
      ? fine('log', 'There is no log yet: nobody has led this group.')
      : failure('log', 'There are entries, and nothing that says which log they are of.', LOST)
  }
  const isEmpty = first > head
  const owner = table?.ownerOf(head)
  const wrong = [
    ...(pageAfter.first <= head && !ends.last.includes(head)
      ? [`entry ${head}, at which the log ends, is missing`]
      : []),
    ...(ends.last.some((index) => index > pageAfter.head)
      ? [`there are entries behind ${pageAfter.head}, at which the log ends`]
      : []),
    ...(!isEmpty && ends.first !== undefined && ends.first > pageAfter.first
      ? [`the entries ${pageAfter.first} to ${ends.first - 1} are missing`]
      : []),
    ...(head > 0 && owner?.term !== headTerm
      ? [`entry ${head} is of term ${headTerm}, the table of terms says ${owner?.term ?? 'none'}`]
      : []),
    ...(headTerm > term
      ? [`the log ends in term ${headTerm}, above the last that was claimed, ${term}`]
      : []),
    ...(ends.hasSnapshot === false ? [`the snapshot at ${snapshot?.index} is missing`] : []),
    ...(first > 1 && (snapshot?.index ?? 0) < first - 1
      ? [`the entries before ${first} are in no snapshot`]
      : []),
  ]
  if (wrong.length > 0) return failure('log', `Its keys contradict each other: ${wrong.join('; ')}.`, LOST)
  const from = isEmpty ? '' : `, entries ${first} to ${head}`
  const until = snapshot ? `, snapshot at ${snapshot.index}` : ''
  return fine('log', `Log ${logId} ends at ${head}${from}${until}; all keys agree.`)
}

const LOST =
  'Somebody has changed keys, or Redis has lost some: see "When Redis has lost its data" in docs/operations.md before anything is restarted.'

function leader(facts: GroupFacts): Finding {
  const { page, paused, views } = facts
  const found = leaderIn(facts)
  if (paused) {
    const who = found ? `${found.id} leads` : 'nobody leads'
    const what = `The group is paused, and ${who}: nobody takes over by itself.`
    return found
      ? warning('leader', what, 'leasehold resume, once the work is done.')
      : failure('leader', what, 'leasehold resume.')
  }
  if (found) return fine('leader', `${found.id} leads, in term ${found.term}.`)
  if (views.every((view) => view.role === 'stopped')) {
    const before = page.leader ? `; ${page.leader.id} led last` : ''
    return warning('leader', `Nobody leads: no instance runs${before}.`, 'Start the instances.')
  }
  return failure(
    'leader',
    'Nobody leads, though there are instances.',
    'Look at members below: are they eligible, connected, and does their replica follow the log? Their logs say why they do not run.',
  )
}

function members({ page, views, present }: GroupFacts, alive: readonly MemberView[]): Finding {
  const running = views.filter(({ role }) => role !== 'stopped')
  const silent = running.filter(
    (view) => !isThere(view, present) && !isGone(view, timingOf(view).heartbeatMs),
  )
  const halted = alive.filter((view) => view.halted !== undefined)
  const named = alive.flatMap(({ audit, role }) => (role === 'leader' ? (audit?.named ?? []) : []))
  const twins = alive.filter(({ id, name }) => alive.some((other) => other.name === name && other.id !== id))
  if (twins.length > 0) {
    const ids = twins.map(({ id }) => id).join(', ')
    return failure('members', `Living instances share a name: ${ids}.`, 'Give each a name of its own.')
  }
  if (halted.length > 0 || named.length > 0) {
    const who = halted.map(({ id, halted: why }) => `${id} (${why})`)
    const what = [...who, ...named.map(({ id, from, to }) => `${id} (differs in ${from} to ${to})`)]
    return failure(
      'members',
      `These replicas do not follow the log: ${what.join(', ')}.`,
      'docs/operations.md says what each means; leasehold verify compares them.',
    )
  }
  if (silent.length > 0) {
    const who = silent.map(({ id, silentMs }) => `${id} (${Math.round(silentMs / 100) / 10} s)`)
    const fix = 'They hang, have crashed, or do not reach Redis: look at them.'
    return warning('members', `Not heard of: ${who.join(', ')}.`, fix)
  }
  if (alive.length === 0) return fine('members', 'No instance runs.')
  const heirs = alive.filter(({ id, eligible }) => eligible && id !== page.leader?.id)
  const found = `${alive.length} alive, ${heirs.length} of them could take over.`
  if (heirs.length > 0) return fine('members', found)
  return warning('members', found, 'Start another instance that is eligible: nobody could follow the leader.')
}

/** They differ during a rolling deploy, and should not for long. */
function versions(alive: readonly MemberView[]): Finding {
  const found = [...new Set(alive.map(({ version }) => version))].toSorted((a, b) => a - b)
  if (found.length === 1) return fine('versions', `All instances have version ${found[0]} of the app.`)
  const text = found.map((version) => `${version} (${countOf(alive, version)})`).join(', ')
  return warning('versions', `Instances have different versions of the app: ${text}.`, 'Finish the deploy.')
}

function countOf(alive: readonly MemberView[], version: number): number {
  return alive.filter((view) => view.version === version).length
}

/** Instances with other times wait for each other too long, or take each other for dead. */
function options(alive: readonly MemberView[]): Finding {
  const differing = (['leaseTtlMs', 'heartbeatMs'] as const).flatMap((key) => {
    const values = [...new Set(alive.map((view) => timingOf(view)[key]))].toSorted((a, b) => a - b)
    return values.length > 1 ? [`${key === 'leaseTtlMs' ? 'lease.ttlMs' : key} ${values.join(' and ')}`] : []
  })
  if (differing.length === 0) {
    const [{ leaseTtlMs, heartbeatMs }] = alive.map(timingOf) as [ReturnType<typeof timingOf>]
    return fine('options', `All instances have lease.ttlMs ${leaseTtlMs} and heartbeatMs ${heartbeatMs}.`)
  }
  return warning(
    'options',
    `Instances have different options: ${differing.join('; ')}.`,
    'Give all the same.',
  )
}

function queues({ queues: found, views }: GroupFacts): Finding {
  if (!found)
    return skipped('queues', 'SCAN is forbidden to this user, so left-over queues were not looked for.')
  const known = new Set(views.map(({ id }) => id))
  const dead = found.ids.filter((id) => !known.has(id))
  if (dead.length > 0) {
    return warning(
      'queues',
      `Queues of instances that nobody knows any more: ${dead.join(', ')}.`,
      'They only take space. Once no instance of that id runs, delete the keys of the queue.',
    )
  }
  if (!found.complete)
    return skipped('queues', 'This Redis has so many keys that not all were searched for left-over queues.')
  return fine('queues', `${found.ids.length} queues, each of an instance that is known.`)
}
