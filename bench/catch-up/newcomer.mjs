/** A newcomer, ready to start; `catchUp` resolves once it is at the head. */
import { createReplica } from '../shared/replica.mjs'
import { answerCalls, settings } from '../shared/answer-calls.mjs'
import { LONG_LOG } from './options.mjs'

let entries = 0
const node = createReplica({ ...settings, options: LONG_LOG }, () => entries++)

answerCalls({
  async catchUp() {
    const startedMs = performance.now()
    await node.start()
    return { entries, ms: performance.now() - startedMs }
  },
  close: () => node.stop(),
})
