/** What is possible: pages of the same stream, one after the other, parsed and put into a map, with nothing else. */
import { Redis } from 'ioredis'
import { keysOf } from '../../packages/core/dist/esm/redis/keys.js'
import { answerCalls, settings } from '../shared/answer-calls.mjs'

const PAGE = 512

const client = new Redis(settings.redis)
const { log } = keysOf(settings.group)

async function catchUp() {
  const startedMs = performance.now()
  const state = {}
  let [entries, last] = [0, '0']
  for (;;) {
    const page = await client.xrange(log, `(${last}`, '+', 'COUNT', PAGE)
    for (const [id, [, data]] of page) {
      const { a } = JSON.parse(data)
      if (a) state[a.key] = a.value
      last = id
    }
    entries += page.length
    if (page.length < PAGE) return { entries, ms: performance.now() - startedMs }
  }
}

answerCalls({ catchUp, close: async () => client.disconnect() })
