/** An instance that says how much memory its process takes; the leader writes as fast as it can. */
import { argumentsOf } from '../fanout/payload.mjs'
import { createReplica } from '../shared/replica.mjs'
import { answerCalls, settings } from '../shared/answer-calls.mjs'

const node = createReplica(settings)
await node.start()
const over = new AbortController()
let writes = 0
let writing = Promise.resolve()

async function writeOn() {
  while (!over.signal.aborted) await node.write('put', argumentsOf(writes++))
}

answerCalls({
  load: ({ outstanding }) => {
    writing = Promise.all(Array.from({ length: outstanding }, writeOn))
  },
  async endLoad() {
    over.abort()
    await writing
    return { writes }
  },
  memory: () => process.memoryUsage(),
  close: () => node.stop(),
})
