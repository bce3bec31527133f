/** An instance that tells for how long its event loop stood still, and for how long its replica did. */
import { createReplica, fill } from '../shared/replica.mjs'
import { answerCalls, settings } from '../shared/answer-calls.mjs'
import { SteadyLoad } from '../shared/steady-load.mjs'
import { LoopWatch } from './loop-watch.mjs'
import { argumentsOf } from './payload.mjs'

const loop = new LoopWatch()
let [appliedMs, pauseMs] = [0, 0]

function applied() {
  const now = performance.now()
  if (appliedMs) pauseMs = Math.max(pauseMs, now - appliedMs)
  appliedMs = now
}

const node = createReplica(settings, applied)
const writesOf = (at) => argumentsOf(at, settings.keys)
let [load, written] = [undefined, 0]

answerCalls({
  start: () => node.start(),
  async fill({ writes }) {
    const from = written
    written += writes
    await fill(node, (at) => writesOf(from + at), writes)
  },
  load: ({ perSecond }) => {
    load = new SteadyLoad(() => node.write('put', writesOf(written++)), perSecond)
  },
  async endLoad() {
    await load.stop()
  },
  watch: () => {
    loop.start()
    ;[appliedMs, pauseMs] = [0, 0]
  },
  /** Since `watch`, in ms. */
  seen: () => ({ ...loop.stop(), pauseMs }),
  close: () => node.stop(),
})
