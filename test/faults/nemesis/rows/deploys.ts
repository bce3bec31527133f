import type { Row } from '../row.js'
import type { Actor, Stage } from '../stage.js'

/** What an instance runs: the app as it is, with a command more, or a newer version with that command. */
const CODE = {
  present: {},
  'a command more': { WITH_TAG: '1' },
  'a newer version': { APP_VERSION: '2', WITH_TAG: '1' },
} as const
type Code = keyof typeof CODE

/** Replaces an instance by one that runs `code`, which starts before that one stops, or after. */
async function replace(stage: Stage, old: Actor, code: Code): Promise<Actor> {
  const isFirst = stage.draw.random() < 0.5
  const start = () => stage.add({ env: CODE[code] })
  const early = isFirst && (await start())
  stage.avoid(old)
  await stage.draw.moment(20, 200)
  await old.instance.terminate()
  const heir = early || (await start())
  await stage.goesOn()
  return heir
}

/** Whether an older version may come back: the log says which one has written. */
async function isOpen(stage: Stage): Promise<boolean> {
  return (await stage.redis.command('HGET', stage.keys.meta, 'appVersion')) === '1'
}

/** Has an instance write what only newer code understands. */
async function writeTag(actor: Actor): Promise<void> {
  const { status } = await actor.instance.request('PUT', '/tags/x', { body: { text: 'y' } })
  if (status !== 200) throw new Error(`A tag was answered ${status}`)
}

const rollingDeploy: Row = {
  id: 'R19',
  fault: 'instances are replaced one after the other, by newer code and back again, or all the way',
  async inject(stage) {
    const { draw, elections } = stage
    const bit = { 'instances replaced': 0, 'hand-overs': 0, 'times two versions went on side by side': 0 }
    const running = new Map<Actor, Code>(stage.actors.map((actor) => [actor, 'present']))
    const deploy = async (actors: readonly Actor[], to: Code) => {
      for (const old of draw.shuffled(actors)) {
        running.delete(old)
        running.set(await replace(stage, old, to), to)
        bit['instances replaced']++
        if (new Set(running.values()).size > 1) bit['times two versions went on side by side']++
      }
    }
    const having = (code: Code) => [...running.keys()].filter((actor) => running.get(actor) === code)

    const newer = draw.pick(['a command more', 'a newer version'] as const)
    const followers = await stage.followers()
    // A leader is always among them: somebody has to take over.
    const first = [await stage.leader(), ...followers.slice(draw.pick([0, 0, 1, 2]))]
    await deploy(first, newer)
    const [one] = having(newer)
    const isWritten = having('present').length === 0 && draw.random() < 0.5
    if (isWritten && one) await writeTag(one)
    if (!isWritten && (await isOpen(stage))) await deploy(having(newer), 'present')
    else await deploy(having('present'), newer)
    bit['hand-overs'] = stage.elections - elections
    return { bit }
  },
}

/** Rows about deploys. */
export const deployRows: readonly Row[] = [rollingDeploy]
