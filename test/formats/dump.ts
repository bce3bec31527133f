import { Redis } from 'ioredis'

/** Text, or bytes that are none. */
export type Value = string | { readonly base64: string }

/** What a key holds, so that people can read it and `restore` can put it back. */
export type Stored =
  | { readonly type: 'string'; readonly value: Value }
  | { readonly type: 'hash'; readonly value: Readonly<Record<string, Value>> }
  | { readonly type: 'list' | 'set'; readonly value: readonly Value[] }
  | { readonly type: 'zset'; readonly value: readonly (readonly [member: Value, score: string])[] }
  | { readonly type: 'stream'; readonly value: readonly (readonly [id: string, ...fields: Value[]])[] }

/** All keys of a server, by name. */
export type Dump = Readonly<Record<string, Stored>>

async function withClient<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url)
  try {
    return await work(client)
  } finally {
    client.disconnect()
  }
}

/** Reads everything that stands in a Redis. */
export function dump(url: string): Promise<Dump> {
  return withClient(url, async (client) => {
    const keys = (await client.keys('*')).toSorted()
    return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await stored(client, key)] as const)))
  })
}

/** Writes a dump into an empty Redis. The lease is left out: it has run out by the time that anybody restores something. */
export function restore(url: string, everything: Dump): Promise<void> {
  return withClient(url, async (client) => {
    for (const [key, { type, value }] of Object.entries(everything)) {
      if (key.endsWith(':lease')) continue
      if (type === 'string') await client.set(key, bytes(value))
      else if (type === 'hash') await client.hset(key, Object.entries(value).flatMap(([field, of]) => [field, bytes(of)]))
      else if (type === 'list') await client.rpush(key, ...value.map(bytes))
      else if (type === 'set') await client.sadd(key, ...value.map(bytes))
      else if (type === 'zset') for (const [member, score] of value) await client.zadd(key, score, bytes(member))
      else for (const [id, ...fields] of value) await client.xadd(key, id, ...fields.map(bytes))
    }
  })
}

async function stored(client: Redis, key: string): Promise<Stored> {
  const type = await client.type(key)
  switch (type) {
    case 'string':
      return { type, value: value((await client.getBuffer(key)) ?? Buffer.alloc(0)) }
    case 'hash': {
      const fields = Object.entries(await client.hgetallBuffer(key))
      return { type, value: Object.fromEntries(fields.map(([field, of]) => [field, value(of)])) }
    }
    case 'list':
      return { type, value: (await client.lrangeBuffer(key, 0, -1)).map(value) }
    case 'set':
      return { type, value: (await client.smembersBuffer(key)).map(value) }
    case 'zset': {
      const flat = await client.zrangeBuffer(key, 0, -1, 'WITHSCORES')
      const pairs = Array.from({ length: flat.length / 2 }, (_, n) => flat.slice(2 * n, 2 * n + 2) as [Buffer, Buffer])
      return { type, value: pairs.map(([member, score]) => [value(member), score.toString()] as const) }
    }
    case 'stream': {
      const entries = await client.xrangeBuffer(key, '-', '+')
      return { type, value: entries.map(([id, fields]) => [id.toString(), ...fields.map(value)] as const) }
    }
    default:
      throw new Error(`${key} is a ${type}`)
  }
}

function value(of: Buffer): Value {
  const text = of.toString('utf8')
  return Buffer.from(text).equals(of) ? text : { base64: of.toString('base64') }
}

function bytes(of: Value): Buffer {
  return typeof of === 'string' ? Buffer.from(of) : Buffer.from(of.base64, 'base64')
}
