import { eventually, once, within } from '../../../support/deadline.js'
import type { OwnedProcess } from '../../../support/owned-process.js'
import type { Match, TcpProxy } from '../../../support/tcp-proxy.js'
import { callOf } from '../../ledger-group.js'
import type { Way } from '../place.js'
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

const isChunkWanted: Match = (chunk) =>
  /hget\r\n\$\d+\r\nleasehold:\{[^}]*\}:snapshot:[^\r]*\r\n\$\d+\r\n\d+\r\n/i.test(chunk.toString('latin1'))

/** Resolves while a chunk of a snapshot is wanted that has not come: it was not sent yet, or it is on its way. */
async function loadsSnapshot(stage: Stage, log: TcpProxy): Promise<void> {
  await log.holdWhen('toServer', isChunkWanted)
  if (stage.draw.random() < 0.5) return
  log.release()
  log.hold('toClient')
  await once(log.events, 'held')
}

/** Puts a newcomer in the place of an instance, and kills it while it loads a snapshot. */
async function crashLoading(stage: Stage): Promise<void> {
  const hasTrimmed = async () => Number(await stage.redis.command('HGET', stage.keys.meta, 'first')) > 1
  await eventually(hasTrimmed, { message: 'a log that does not begin at 1 any more' })
  await stage.draw.pick(stage.actors).instance.kill9()
  const loading = new Promise<OwnedProcess>((resolve, reject) => {
    const onStart = (newcomer: OwnedProcess, { log }: Way) => {
      if (log) void loadsSnapshot(stage, log).then(() => resolve(newcomer))
    }
    // Once it is killed it never gets ready, and that is no error.
    stage.add({ onStart }).then(
      () => reject(new Error('It was ready without a snapshot')),
      () => {},
    )
  })
  const newcomer = await within(loading, { message: 'a newcomer to load a snapshot' })
  await newcomer.kill9()
  if (firstApplied(stage, newcomer.pid) !== undefined) throw new Error('It had loaded the snapshot already')
}

/** The first entry that a process has applied: 1, or the one behind the snapshot that it loaded. */
function firstApplied(stage: Stage, pid: number): number | undefined {
  const lines = stage.journals.find((journal) => journal.pid === pid)?.lines ?? []
  return lines.flatMap((line) => ('chain' in line ? [line.index] : []))[0]
}

/** Where an instance is killed. */
const POINTS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'before an entry': (stage) => crashApplying(stage, 'before'),
  'after an entry': (stage) => crashApplying(stage, 'after'),
  'writing a snapshot': (stage) => crashSending(stage, isChunk),
  'switching a snapshot in': (stage) => crashSending(stage, callOf('installSnapshot')),
  'trimming the log': (stage) => crashSending(stage, callOf('trimLog')),
  'loading a snapshot': crashLoading,
}

const crashes: Row = {
  id: 'R15',
  fault: 'an instance is killed within an entry, a snapshot that it writes or loads, a trim',
  stage: () => ({ node: { snapshotEntries: 100, trailingEntries: 50 } }),
  async inject(stage) {
    const bit = Object.fromEntries(Object.keys(POINTS).map((point) => [point, 0]))
    let loaded = 0
    for (const [point, crash] of stage.draw.shuffled(Object.entries(POINTS))) {
      await crash(stage)
      bit[point] = 1
      const { instance } = await stage.add()
      await stage.goesOn()
      if ((firstApplied(stage, instance.pid) ?? 0) > 1) loaded++
    }
    return { bit: { ...bit, 'newcomers that loaded one': loaded } }
  },
}

/** Rows about processes that end in the middle of something. */
export const crashRows: readonly Row[] = [crashes]
