import { createHash, randomUUID } from 'node:crypto'
import { createNode, type DemotionReason, type NodeOptions, type Warning } from '@leasehold/core'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { scripts } from '../../packages/core/src/redis/scripts.generated.js'
import { eventually } from '../support/deadline.js'
import type { RedisServer } from '../support/redis-server.js'
import { type Match, startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { type Answer, answerTo, type Ledger, ledger, type LedgerHolder } from './ledger.js'

/** Finds a script's call by digest among the bytes for Redis. */
export function callOf(script: keyof typeof scripts): Match {
  const digest = createHash('sha1').update(scripts[script]).digest('hex')
  return (chunk) => chunk.includes(digest)
}

/** Something that a node has emitted about its own leadership. */
export type Happening =
  | { readonly event: 'elected'; readonly term: number }
  | { readonly event: 'demoted'; readonly term: number; readonly reason: DemotionReason }

type MemberOptions = Partial<
  Pick<NodeOptions, 'heartbeatMs' | 'commandTimeoutMs' | 'writeTimeoutMs' | 'onRedisDataLoss'>
> & {
  ttlMs?: number
}

/**
 * A node in this process. It has its own ways to the log and to each node of the lease, which a test may cut. Made by
 * `LedgerGroup`.
 */
export class Member implements LedgerHolder {
  readonly name: string
  readonly node
  readonly log: TcpProxy
  /** In the order of the lease's nodes. */
  readonly leases: readonly TcpProxy[]
  /** In the order in which they were emitted. */
  readonly happened: Happening[] = []
  readonly warnings: Warning[] = []

  constructor(group: string, name: string, ways: [TcpProxy, ...TcpProxy[]], options: MemberOptions) {
    const { ttlMs = 1000, ...others } = options
    const [log, ...leases] = ways
    this.name = name
    this.log = log
    this.leases = leases
    this.node = createNode({
      group,
      name,
      redis: urlOf(log),
      lease: { redis: leases.map(urlOf), ttlMs },
      heartbeatMs: 200,
      settleMs: 500, // after a start of Redis, everybody waits that long
      stopTimeoutMs: 1000,
      stateMachine: ledger,
      ...others,
    })
    this.node.on('elected', ({ term }) => this.happened.push({ event: 'elected', term }))
    this.node.on('demoted', ({ term, reason }) => this.happened.push({ event: 'demoted', term, reason }))
    this.node.on('warning', (warning) => this.warnings.push(warning))
  }

  /** Its way to the lease, where that has one node. */
  get lease(): TcpProxy {
    const [lease, ...others] = this.leases
    if (!lease || others.length > 0)
      throw new Error(`${this.name} has ${this.leases.length} ways to the lease`)
    return lease
  }

  write(item: string): Promise<Answer> {
    return answerTo(this.node.submit('add', item))
  }

  async ledger(): Promise<Ledger> {
    return this.node.read((state) => structuredClone(state))
  }

  /** Waits until it leads. */
  async leads(options: { timeoutMs?: number } = {}): Promise<number> {
    await eventually(() => this.node.isLeader, { ...options, message: `${this.name} to lead` })
    return this.node.term
  }

  /** Cuts it off from everything without closing a connection, as if its host were gone. */
  cutOff(): void {
    for (const proxy of [this.log, ...this.leases]) proxy.halfOpen()
  }

  /** Ends all faults on its ways, and closes what they left mute, so that the node connects anew. */
  reconnect(): void {
    for (const proxy of [this.log, ...this.leases]) {
      proxy.heal()
      proxy.reset()
    }
  }
}

/** Nodes of one group in this process. */
export class LedgerGroup {
  readonly name = `faults-${randomUUID().slice(0, 8)}`
  readonly keys = keysOf(this.name)
  readonly members: Member[] = []
  readonly #redis: RedisServer
  readonly #leaseNodes: readonly RedisServer[]

  /** @param leaseNodes where the lease lies; by default on the log's Redis. */
  constructor(redis: RedisServer, leaseNodes: readonly RedisServer[] = [redis]) {
    this.#redis = redis
    this.#leaseNodes = leaseNodes
  }

  /** Starts a node and waits until it has joined; the first one leads then. */
  async add(name: string, options: MemberOptions = {}): Promise<Member> {
    // Else the first append of all is answered NOSCRIPT, and a fault set on it would hit no append.
    await this.#redis.command('SCRIPT', 'LOAD', scripts.append)
    const wayTo = ({ port }: RedisServer) => startProxy({ targetPort: port })
    const ways = await Promise.all([wayTo(this.#redis), ...this.#leaseNodes.map(wayTo)])
    const member = new Member(this.name, name, ways, options)
    this.members.push(member)
    await member.node.start()
    return member
  }

  /** Waits until somebody leads. */
  async leader(): Promise<Member> {
    return eventually(() => this.members.find(({ node }) => node.isLeader), { message: 'a leader' })
  }

  /** Stops all nodes. */
  async stop(): Promise<void> {
    for (const { log, leases } of this.members) for (const proxy of [log, ...leases]) proxy.heal()
    await Promise.all(this.members.map(({ node }) => node.stop()))
  }
}

function urlOf({ port }: TcpProxy): string {
  return `redis://127.0.0.1:${port}`
}

/** Redis's id of the connection on which a node has claimed. */
export async function termConnection(redis: RedisServer, group: string, name: string): Promise<string> {
  const clients = String(await redis.command('CLIENT', 'LIST'))
  const found = new RegExp(`^id=(\\d+) .* name=leasehold:${group}:${name}:term `, 'm').exec(clients)
  if (!found?.[1]) throw new Error(`${name} has no connection for a term`)
  return found[1]
}

/** The scripts that Redis has run since `SLOWLOG RESET`, as text, whatever they answered. It must be told to log all. */
export async function scriptsRun(redis: RedisServer): Promise<string[]> {
  const entries = (await redis.command('SLOWLOG', 'GET', -1)) as [number, number, number, string[]][]
  return entries.map(([, , , words]) => words.join(' ')).filter((text) => /^evalsha /i.test(text))
}

/** Has `scriptsRun` see all. */
export const LOG_ALL = ['--slowlog-log-slower-than', '0', '--slowlog-max-len', '1000']
