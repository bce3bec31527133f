import { within } from '../../../support/deadline.js'
import type { Match } from '../../../support/tcp-proxy.js'
import { callOf } from '../../ledger-group.js'
import type { Row } from '../row.js'
import type { Actor, Stage } from '../stage.js'

/** Kills an instance within an entry: before it has changed the state, or after. */
async function crashApplying(stage: Stage, at: 'before' | 'after'): Promise<void> {
  const { instance } = stage.draw.pick(stage.actors)
  const entries = Math.ceil(stage.draw.between(1, 40))
  await instance.request('POST', `/faults/crash?in=${entries}&at=${at}`)
  await within(instance.exited, { message: `a crash ${at} an entry` })
}

/** Kills whoever sends such a command, which arrives all the same, or never does. */
async function crashSending(stage: Stage, match: Match): Promise<void> {
  const sent = (actor: Actor) => actor.log.holdWhen('toServer', match).then(() => actor)
  const actor = await within(Promise.race(stage.actors.map(sent)), { message: 'such a command' })
  const isLost = stage.draw.random() < 0.5
  await actor.instance.kill9()
  if (isLost) actor.log.reset()
  for (const { log } of [...stage.actors, actor]) log.heal()
}

const isChunk: Match = (chunk) =>
  /hset\r\n\$\d+\r\nleasehold:\{[^}]*\}:snapshot:/i.test(chunk.toString('latin1'))

/** Where an instance is killed. */
const POINTS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'before an entry': (stage) => crashApplying(stage, 'before'),
  'after an entry': (stage) => crashApplying(stage, 'after'),
  'writing a snapshot': (stage) => crashSending(stage, isChunk),
  'switching a snapshot in': (stage) => crashSending(stage, callOf('installSnapshot')),
  'trimming the log': (stage) => crashSending(stage, callOf('trimLog')),
}

const crashes: Row = {
  id: 'R15',
  fault: 'an instance is killed within an entry, a snapshot, a trim',
  stage: () => ({ node: { snapshotEntries: 100, trailingEntries: 50 } }),
  async inject(stage) {
    const bit = Object.fromEntries(Object.keys(POINTS).map((point) => [point, 0]))
    for (const [point, crash] of stage.draw.shuffled(Object.entries(POINTS))) {
      await crash(stage)
      bit[point] = 1
      await stage.add()
      await stage.goesOn()
    }
    return { bit }
  },
}

/** Rows about processes that end in the middle of something. */
export const crashRows: readonly Row[] = [crashes]
