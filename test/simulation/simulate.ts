import { seededRandom } from '../../packages/core/src/testing/seeded-random.js'
import { checkLists } from '../support/check-lists.js'
import { checkRegisters } from '../support/check-registers.js'
import { checkSessions } from '../support/check-sessions.js'
import { isRead, type Operation } from '../support/history.js'
import { checkOwnWrites } from './check-own-writes.js'
import { Client, type Tell } from './client.js'
import { CRASHES, LOSSES, type Plan, torment } from './nemesis.js'
import { startStores, type StoresGroup, type StoresInstance } from './stores.js'

const CLIENTS = 4
const TORMENT_MS = 2500
const HEAL_MS = 30_000

/** What may happen in a run. */
export const plans = { crashes: CRASHES, losses: LOSSES } satisfies Record<string, Plan>
export type PlanName = keyof typeof plans

/** What a run found, and what has happened in it. */
export interface Run {
  /** What is wrong, one sentence each; empty if nothing is. */
  readonly problems: readonly string[]
  /** Which faults came, and what they led to. */
  readonly seen: ReadonlySet<string>
}

/** One run in virtual time: clients and faults for a while, then everything is mended, and all must agree. */
export async function simulate(name: PlanName, seed: number, tell?: (line: string) => void): Promise<Run> {
  const plan = plans[name]
  const random = seededRandom(seed)
  const seen = new Set<string>()
  const falseAlarms: string[] = []
  const attach = (instance: StoresInstance) => {
    const saw = (what: string, more = '') => {
      seen.add(what)
      tell?.(`${instance.name} at ${instance.node.position.index}: ${what} ${more}`)
    }
    instance.node
      .on('elected', ({ term }) => saw('elected', `${term}`))
      .on('demoted', ({ reason }) => saw(`demoted: ${reason}`))
      .on('diverged', ({ lost }) => saw('diverged', `by ${lost}`))
      .on('logLost', ({ head }) => saw('log lost', `behind ${head}`))
      .on('differed', ({ id, from }) => {
        saw('differed', id)
        falseAlarms.push(`${instance.name} took what ${id} computed from ${from} on for wrong`)
      })
      .on('warning', ({ code, message }) => saw(code, message))
  }
  const group = await startStores(seed, attach, plan.writeConcern)
  const say: Tell = (line) => tell?.(`${group.nowMs.toFixed(1)} ${line()}`)
  const clients = Array.from({ length: CLIENTS }, (_, i) => new Client(i + 1, group, random, say))
  const over = new AbortController()
  const load = Promise.all(clients.map((client) => client.run(over.signal)))
  const trouble = torment(group, plan, random, over.signal, (fault, on) => {
    seen.add(fault)
    say(() => `${fault} ${on}`)
  })
  await group.advance(TORMENT_MS)
  over.abort()
  await group.settled(Promise.all([trouble, load]))

  const history = clients.flatMap((client) => client.history)
  for (const { kind, outcome } of history) seen.add(`${isRead({ kind }) ? 'read' : 'write'} ${outcome}`)
  const problems = (await disagreement(group)) ?? problemsOf(history, group, plan)
  await group.stop()
  return { problems: [...problems, ...falseAlarms], seen }
}

/** Undefined once all are in step behind a leader; else what they are instead. */
async function disagreement(group: StoresGroup): Promise<string[] | undefined> {
  const nodes = () => group.instances.map(({ node }) => node)
  const inStep = () => {
    const indexes = new Set(nodes().map(({ position }) => position.index))
    return group.leader && indexes.size === 1 && nodes().every((node) => node.status().halted === undefined)
  }
  try {
    await group.until(inStep, HEAL_MS)
    return undefined
  } catch {
    const places = nodes().map(({ name, role, position }) => `${name} ${role} at ${position.index}`)
    return [`after ${HEAL_MS} ms of peace they do not agree: ${places.join(', ')}`]
  }
}

function problemsOf(history: readonly Operation[], group: StoresGroup, { loses }: Plan): string[] {
  const replicas = group.instances.map(({ name, node }) => ({
    replica: name,
    lists: node.read(({ lists }) => new Map(Object.entries(lists))),
  }))
  const problems = checkLists(history, replicas)
  if (!loses) return [...problems, ...checkRegisters(history), ...checkSessions(history)]
  // What was read had perhaps no copy yet, and may be lost with Redis; what was acknowledged had one.
  const writes = history.filter((operation) => !isRead(operation))
  return [...problems, ...checkRegisters(writes), ...checkOwnWrites(history)]
}
