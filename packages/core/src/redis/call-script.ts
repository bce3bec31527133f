import type { Redis } from 'ioredis'
import { createHash } from 'node:crypto'
import { scripts } from './scripts.generated.js'

export type ScriptName = keyof typeof scripts

const digests = new Map<ScriptName, string>()

/**
 * Runs one of our scripts by its digest, and by its text where the server does not have it (after a restart or SCRIPT
 * FLUSH). "NOSCRIPT" means that nothing ran, so this is no resend.
 */
export async function callScript(
  client: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  let digest = digests.get(name)
  if (digest === undefined)
    digests.set(name, (digest = createHash('sha1').update(scripts[name]).digest('hex')))
  try {
    return await client.evalsha(digest, keys.length, ...keys, ...args)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return client.eval(scripts[name], keys.length, ...keys, ...args)
  }
}
