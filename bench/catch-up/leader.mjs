/** The leader: fills the log, and writes at a steady pace while others catch up. */
import { importSnapshot } from '../../packages/core/dist/esm/index.js'
import { argumentsOf } from '../fanout/payload.mjs'
import { createReplica, fill } from '../shared/replica.mjs'
import { quantile } from '../shared/quantile.mjs'
import { answerCalls, settings } from '../shared/answer-calls.mjs'
import { SteadyLoad } from '../shared/steady-load.mjs'
import { LONG_LOG } from './options.mjs'

/** Enough that every key is there. */
const BEFORE_SNAPSHOT = 2000

/** The group begins at a snapshot, so that its log does not reach back to the beginning: of another group, which is gone then. */
async function beginAtSnapshot() {
  const first = createReplica({ ...settings, group: `${settings.group}-first` })
  await first.start()
  try {
    await fill(first, argumentsOf, BEFORE_SNAPSHOT)
    await importSnapshot(settings, first.exportSnapshot())
  } finally {
    await first.stop()
  }
}

await beginAtSnapshot()
const node = createReplica({ ...settings, options: LONG_LOG })
await node.start()
let load

answerCalls({
  fill: ({ entries }) => fill(node, argumentsOf, entries),
  load: ({ perSecond }) => {
    load = new SteadyLoad((at) => node.write('put', argumentsOf(at)), perSecond)
  },
  async endLoad() {
    const latenciesMs = await load.stop()
    return {
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
      writes: latenciesMs.length,
    }
  },
  close: () => node.stop(),
})
