import type { Redis } from 'ioredis'

/** What INFO says, as text; of the sections that it has by default where none is named. Undefined where it is forbidden. */
export function readInfo(client: Redis, section?: string): Promise<string | undefined> {
  return optional(section === undefined ? client.info() : client.info(section))
}

/** A field of INFO. */
export function fieldOf(info: string, field: string): string | undefined {
  return new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1]
}

/** Settings of the server; undefined if one of them is forbidden. */
export async function readConfig(
  client: Redis,
  names: readonly string[],
): Promise<Map<string, string> | undefined> {
  const values = new Map<string, string>()
  for (const name of names) {
    const pair = await optional(client.config('GET', name))
    if (!pair) return undefined
    values.set(name, pair[1] ?? '')
  }
  return values
}

/** What a command answers; undefined where the server forbids it, or does not know it. */
export async function optional<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined
    throw error
  }
}
