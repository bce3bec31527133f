import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { scripts } from '../../packages/core/dist/esm/redis/scripts.generated.js'
import { keysOf } from '../../packages/core/dist/esm/redis/keys.js'

const MAX_BATCH = 512

/** Our own append script without the rest of us: what it takes in Redis and in the client. */
export async function lead({ redis, group }) {
  const client = new Redis(redis)
  const { meta, log, terms, appended } = keysOf(group)
  client.defineCommand('append', { numberOfKeys: 3, lua: scripts.append })
  const [, replId] = /master_replid:(\w+)/.exec(await client.info('replication'))
  await client.hset(meta, { logId: 'L', term: 1, nonce: 'n', head: 0, headTerm: 1, time: 0, replId })
  let [head, waiting, isAppending] = [0, [], false]
  const appendNext = async () => {
    if (isAppending || waiting.length === 0) return
    isAppending = true
    const batch = waiting.splice(0, MAX_BATCH)
    const claim = ['L', 1, 'n', replId, head, 1, 1, appended]
    const [outcome] = await client.append(
      meta,
      log,
      terms,
      ...claim,
      batch.map(({ data }) => data).join('\n'),
    )
    if (outcome !== 'APPENDED') throw new Error(outcome)
    head += batch.length
    isAppending = false
    for (const { done } of batch) done()
    void appendNext()
  }
  const opId = randomUUID()
  let writes = 0
  const write = (args) =>
    new Promise((done) => {
      const entry = { o: `${opId}-${writes++}`, f: '', v: 1, c: 'put', a: args }
      waiting.push({ data: JSON.stringify(entry), done })
      queueMicrotask(() => void appendNext())
    })
  return { write, close: async () => client.disconnect() }
}
