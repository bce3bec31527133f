import { createNode, defineStateMachine, type NodeOptions } from '@leasehold/core'
import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { RedisServer } from '../support/redis-server.js'

/** Any JSON under any names, and names by the thousand. */
const vault = defineStateMachine({
  name: 'vault',
  version: 2,
  initial: (): Record<string, unknown> => ({}),
  commands: {
    put(state, { key, text }: { key: string; text: string }) {
      // As an own property, whatever the name: a plain assignment of __proto__ would change the prototype.
      const value: unknown = JSON.parse(text)
      Object.defineProperty(state, key, { value, writable: true, enumerable: true, configurable: true })
    },
    remove(state, { key }: { key: string }) {
      delete state[key]
    },
    /** So many accounts, from one number on. */
    grow(state, { from = 0, count }: { from?: number; count: number }) {
      for (let i = from; i < from + count; i++) state[`account-${i}`] = accountOf(i)
    },
  },
})

/** About 165 bytes of JSON, its name included. */
export function accountOf(id: number): object {
  return {
    ...{ id, owner: `owner number ${id}`, balance: (id * 7919) % 100_003, open: id % 3 === 0 },
    tags: [`branch-${id % 97}`, `tier-${id % 5}`],
    note: `opened in year ${1990 + (id % 36)}, last seen on day ${(id * 31) % 365}`,
  }
}

/** For machines so busy that a leader would lose its lease over it, which is not what is tested here. */
export const PATIENT = { lease: { ttlMs: 10_000 }, commandTimeoutMs: 9000, startTimeoutMs: 60_000 }

/** An instance of the vault with snapshots so frequent that a test sees them. */
export function vaultNode(redis: { url: string }, name: string, options: Partial<NodeOptions> = {}) {
  return createNode({
    group: 'vault',
    name,
    redis: redis.url,
    ...PATIENT,
    heartbeatMs: 50,
    settleMs: 200,
    snapshotEntries: 100,
    trailingEntries: 20,
    ...options,
    stateMachine: vault,
  })
}

export type VaultNode = ReturnType<typeof vaultNode>

/** Starts an instance with a lone leader's patience, and gives it back. */
export async function startVault(
  redis: { url: string },
  name: string,
  options: Partial<NodeOptions> = {},
): Promise<VaultNode> {
  const node = vaultNode(redis, name, options)
  await node.start()
  return node
}

/** Puts a value under a name. */
export async function put(node: VaultNode, key: string, value: unknown): Promise<void> {
  await node.write('put', { key, text: JSON.stringify(value) })
}

/** What a replica holds, as text, which shows the order of names and `__proto__` as well. */
export function textOf(node: VaultNode): string {
  return node.read((state) => JSON.stringify(state))
}

/** Something that can be exported. */
interface Exporter {
  exportSnapshot(): AsyncIterable<Uint8Array>
}

/** The whole file. */
export async function exported(node: Exporter): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of node.exportSnapshot()) parts.push(part)
  return Buffer.concat(parts)
}

/** What a file says in its first line. */
export function headerOf(file: Buffer): Record<string, unknown> & { index: number; term: number } {
  const [first = ''] = linesOf(file)
  return JSON.parse(first) as Record<string, unknown> & { index: number; term: number }
}

/** The lines of a file's text. */
export function linesOf(file: Buffer): string[] {
  return gunzipSync(file).toString().trimEnd().split('\n')
}

/** A file of other lines than it had, whose trailer is right again. */
export function rewritten(file: Buffer, change: (lines: string[]) => string[]): Buffer {
  const lines = change(linesOf(file).slice(0, -1))
  const before = lines.map((line) => `${line}\n`).join('')
  const sha256 = createHash('sha256').update(before).digest('hex')
  return gzipSync(`${before}${JSON.stringify({ records: lines.length - 1, sha256 })}\n`)
}

/** What lasts in Redis, byte for byte; of a group whose instances run, ask for what its log consists of. */
export async function lasting(redis: RedisServer, kinds = /./): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {}
  for (const key of ((await redis.command('KEYS', '*')) as string[]).toSorted())
    if (kinds.test(key) && (await redis.command('TTL', key)) === -1)
      all[key] = await redis.command('DUMP', key)
  return all
}

/** The keys of a group that instances do not change while nobody writes. */
export const LOG_KEYS = /:(meta|log|terms|snapshot:.*)$/
