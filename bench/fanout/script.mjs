import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { scripts } from '../../packages/core/dist/esm/redis/scripts.generated.js'
import { keysOf } from '../../packages/core/dist/esm/redis/keys.js'
import { groupCommit } from './group-commit.mjs'

/** Our own append script without the rest of us: what it takes in Redis and in the client. */
export async function lead({ redis, group }) {
  const client = new Redis(redis)
  const { meta, log, terms, appended } = keysOf(group)
  client.defineCommand('append', { numberOfKeys: 3, lua: scripts.append })
  const [, replId] = /master_replid:(\w+)/.exec(await client.info('replication'))
  await client.hset(meta, { logId: 'L', term: 1, nonce: 'n', head: 0, headTerm: 1, time: 0, replId })
  let head = 0
  const commit = groupCommit(async (entries) => {
    const claim = ['L', 1, 'n', replId, head, 1, 1, appended]
    const [outcome] = await client.append(meta, log, terms, ...claim, entries.join('\n'))
    if (outcome !== 'APPENDED') throw new Error(outcome)
    head += entries.length
  })
  const opId = randomUUID()
  let writes = 0
  const write = (args) => commit(JSON.stringify({ o: `${opId}-${writes++}`, f: '', v: 1, c: 'put', a: args }))
  return { write, close: async () => client.disconnect() }
}
