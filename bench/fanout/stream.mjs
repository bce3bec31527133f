import { Redis } from 'ioredis'
import { groupCommit } from './group-commit.mjs'
import { put } from './payload.mjs'

const PAGE = 512

/** The least that fences: one key says whose term it is, and entries stand at the index that their leader expects. */
const APPEND = `
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then return redis.error_reply('FENCED') end
local head = tonumber(redis.call('HGET', KEYS[1], 'head') or '0')
if head ~= tonumber(ARGV[2]) then return redis.error_reply('MISMATCH') end
for i = 3, #ARGV do
  head = head + 1
  redis.call('XADD', KEYS[2], string.format('%.0f-0', head), 'd', ARGV[i])
end
redis.call('HSET', KEYS[1], 'head', string.format('%.0f', head))
return head`

const keysOf = (group) => [`${group}:meta`, `${group}:log`]

/** A stream in Redis that one script appends to: writes gather while one is in flight, as ours do. */
export async function lead({ redis, group }) {
  const client = new Redis(redis)
  const [meta, log] = keysOf(group)
  client.defineCommand('appendAll', { numberOfKeys: 2, lua: APPEND })
  await client.hset(meta, 'term', 1)
  let head = 0
  const commit = groupCommit(async (entries) => {
    head = Number(await client.appendAll(meta, log, 1, head, ...entries))
  })
  const write = (args) => commit(JSON.stringify(args))
  return { write, close: async () => client.disconnect() }
}

/** A blocked XREAD, again and again. */
export async function follow({ redis, group }, applied) {
  const client = new Redis(redis)
  const [, log] = keysOf(group)
  const state = {}
  const over = new AbortController()
  let last = '0-0'
  const run = async () => {
    while (!over.signal.aborted) {
      const reply = await client.xread('COUNT', PAGE, 'BLOCK', 0, 'STREAMS', log, last)
      for (const [id, [, data]] of reply[0][1]) {
        const args = JSON.parse(data)
        put(state, args)
        applied(args)
        last = id
      }
    }
  }
  run().catch(() => {})
  return {
    close: async () => {
      over.abort()
      client.disconnect()
    },
  }
}
