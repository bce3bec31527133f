import { Redis } from 'ioredis'

/** Text, or bytes that are none. */
export type Value = string | { readonly base64: string }

/** What a key holds, so that people can read it and `restore` can put it back. */
export type Stored =
  | { readonly type: 'string'; readonly value: Value }
  | { readonly type: 'hash'; readonly value: Readonly<Record<string, Value>> }
  | { readonly type: 'list' | 'set'; readonly value: readonly Value[] }
  | { readonly type: 'zset'; readonly value: readonly (readonly [member: Value, score: string])[] }
  | {
      readonly type: 'stream'
      readonly value: readonly (readonly [id: string, field: string, value: Value])[]
    }

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
    return Object.fromEntries(
      await Promise.all(keys.map(async (key) => [key, await stored(client, key)] as const)),
    )
  })
}

/** Writes a dump into an empty Redis. The lease is left out: it has run out by the time that anybody restores something. */
export function restore(url: string, everything: Dump): Promise<void> {
  return withClient(url, async (client) => {
    for (const [key, of] of Object.entries(everything)) {
      if (key.endsWith(':lease')) continue
      for (const [command, ...args] of commandsFor(of)) await client.call(command, key, ...args)
    }
  })
}

type Command = readonly [name: string, ...args: (string | Buffer)[]]

function commandsFor(of: Stored): Command[] {
  switch (of.type) {
    case 'string':
      return [['SET', bytes(of.value)]]
    case 'hash':
      return [['HSET', ...Object.entries(of.value).flatMap(([field, value]) => [field, bytes(value)])]]
    case 'list':
      return [['RPUSH', ...of.value.map(bytes)]]
    case 'set':
      return [['SADD', ...of.value.map(bytes)]]
    case 'zset':
      return of.value.map(([member, score]) => ['ZADD', score, bytes(member)])
    case 'stream':
      return of.value.map(([id, field, value]) => ['XADD', id, field, bytes(value)])
  }
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
      return { type, value: (await client.lrangeBuffer(key, 0, -1)).map((each) => value(each)) }
    case 'set':
      return { type, value: (await client.smembersBuffer(key)).map(value) }
    case 'zset': {
      const flat = await client.zrangeBuffer(key, '0', '-1', 'WITHSCORES')
      const pairs = Array.from(
        { length: flat.length / 2 },
        (_, n) => flat.slice(2 * n, 2 * n + 2) as [Buffer, Buffer],
      )
      return { type, value: pairs.map(([member, score]) => [value(member), score.toString()] as const) }
    }
    case 'stream': {
      const entries = await client.xrangeBuffer(key, '-', '+')
      // Of ours each has one field; of BullMQ's events the first is enough.
      const first = ([id, [field, of]]: [Buffer, Buffer[]]) =>
        [id.toString(), String(field), value(of ?? Buffer.alloc(0))] as const
      return { type, value: entries.map(first) }
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
