import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { createNode, type NodeOptions, type ReplicatedNode } from '@leasehold/core'
import { keysOf } from '../../packages/core/src/redis/keys.js'
import { type Ledger, ledger } from '../faults/ledger.js'
import { LedgerProcess } from '../faults/ledger-process.js'
import { eventually } from '../support/deadline.js'
import { startProgram } from '../support/program.js'
import type { RedisServer } from '../support/redis-server.js'

const file = join(__dirname, '../faults/ledger-member.mjs')

type LedgerNode = ReplicatedNode<Ledger, typeof ledger.commands>

/** Where a group lives, and as whom. */
export interface Surroundings {
  /** Told apart from others on the same Redis by this. Default: a name of its own. */
  group?: string
  redis: NonNullable<NodeOptions['redis']>
  leaseRedis?: NonNullable<NodeOptions['lease']>['redis']
  startTimeoutMs?: number
  /** The log's Redis, for the test to look into with all rights. */
  server: Pick<RedisServer, 'command'>
}

/** Snapshots so frequent that a few hundred writes see two; heartbeats so slow that what follows at once is due to jobs. */
const SMALL = { snapshotEntries: 100, trailingEntries: 20, heartbeatMs: 200, settleMs: 500 }

/** A group that a test takes through all that its instances ever do. */
export class GroupLife {
  readonly group: string
  readonly #options: Omit<NodeOptions, 'name'>
  readonly #server: Pick<RedisServer, 'command'>
  readonly #nodes: LedgerNode[] = []
  /** Codes of the warnings that the nodes of this process gave. */
  readonly warnings = new Set<string>()
  /** Items of all writes that were acknowledged. */
  readonly written: string[] = []

  constructor({ group, redis, leaseRedis, startTimeoutMs = 15_000, server }: Surroundings) {
    this.group = group ?? `life-${randomUUID().slice(0, 8)}`
    this.#server = server
    const lease = { ttlMs: 2000, ...(leaseRedis !== undefined && { redis: leaseRedis }) }
    this.#options = { group: this.group, redis, lease, startTimeoutMs, ...SMALL }
  }

  /** A started node of this process. */
  async node(name: string, options: Partial<NodeOptions> = {}): Promise<LedgerNode> {
    const node = createNode({ ...this.#options, ...options, name, stateMachine: ledger })
    node.on('warning', ({ code }) => this.warnings.add(code))
    this.#nodes.push(node)
    await node.start()
    return node
  }

  /** A started node in a process of its own. */
  async process(name: string, env: Record<string, string> = {}): Promise<LedgerProcess> {
    const settings = JSON.stringify({ ...this.#options, name })
    const program = await startProgram({ file }, { env: { ...env, NODE_OPTIONS_JSON: settings } })
    await program.next(({ started }) => started === true)
    return new LedgerProcess(name, program)
  }

  /**
   * Elects, writes, replicates through jobs, takes a stalled job up, loses a follower, takes snapshots and trims, takes a
   * newcomer in, loses its leader, sweeps what the lost ones left, hands over, stops, and starts again from the snapshot.
   *
   * @returns the items that the last replica holds
   */
  async live(): Promise<string[]> {
    const keys = keysOf(this.group)
    const doomed = await this.process('doomed')
    const { leads } = await doomed.look()
    if (!leads) throw new Error('A lone instance does not lead')
    const follower = await this.node('follower')
    await this.#write((item) => doomed.write(item).then(({ code }) => code), 10)
    await this.#follows(follower)
    await this.#jobsDone(follower)
    await this.#takesUpAStalledJob(follower)

    const bystander = await this.process('bystander')
    const [gone] = (await follower.groupStatus()).members.filter(({ name }) => name === 'bystander')
    await bystander.program.kill9()
    await this.#addJob(`${keys.jobs}:${gone?.id}`, 'wait')

    const trimmed = async () => Number(await this.#server.command('HGET', keys.meta, 'first')) > 1
    await eventually(
      async () => {
        await this.#write((item) => doomed.write(item).then(({ code }) => code), 50)
        return trimmed()
      },
      { message: 'the log to be trimmed' },
    )
    const newcomer = await this.node('newcomer')
    await this.#follows(newcomer)

    const [dead] = (await follower.groupStatus()).members.filter(({ name }) => name === 'doomed')
    await doomed.program.kill9()
    const heir = await this.#leader()
    await this.#write((item) => heir.write('add', item).then(() => 'OK'), 10)
    for (const { id = '' } of [dead, gone].map((member) => ({ ...member }))) {
      await eventually(async () => (await this.#leftBy(id)).length === 0, { message: `${id} to be swept` })
    }

    await heir.stop()
    const last = await this.#leader()
    await this.#write((item) => last.write('add', item).then(() => 'OK'), 10)
    await this.stop()

    const reborn = await this.node('reborn')
    const { items } = reborn.read((state) => structuredClone(state))
    await this.stop()
    return items
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.stop()))
  }

  async #write(write: (item: string) => Promise<string>, count: number): Promise<void> {
    const items = Array.from({ length: count }, (_, n) => `item ${this.written.length + n}`)
    const codes = await Promise.all(items.map(write))
    const wrong = codes.find((code) => code !== 'OK')
    if (wrong !== undefined) throw new Error(`A write was answered ${wrong}`)
    this.written.push(...items)
  }

  async #follows(node: LedgerNode): Promise<void> {
    await eventually(() => node.position.index === this.written.length, { message: `${node.name} to follow` })
  }

  async #leader(): Promise<LedgerNode> {
    return eventually(() => this.#nodes.find((node) => node.isLeader), { message: 'a leader' })
  }

  /** BullMQ itself says that jobs came through. */
  async #jobsDone({ id, name }: LedgerNode): Promise<void> {
    const events = `${keysOf(this.group).jobs}:${id}:events`
    await eventually(
      async () =>
        JSON.stringify(await this.#server.command('XRANGE', events, '-', '+')).includes('completed'),
      { message: `a job of ${name} to be done` },
    )
  }

  /** As if its process had been stopped in the middle of a job for so long that the job's lock ran out. */
  async #takesUpAStalledJob({ id, name }: LedgerNode): Promise<void> {
    const job = await this.#addJob(`${keysOf(this.group).jobs}:${id}`, 'active')
    await eventually(async () => (await this.#server.command('EXISTS', job)) === 0, {
      message: `${name} to do a stalled job`,
    })
  }

  /** Puts a job into a list of a queue, past BullMQ, and returns its key. */
  async #addJob(queue: string, list: 'wait' | 'active'): Promise<string> {
    const [data, opts] = [JSON.stringify({ term: 1, to: 1 }), JSON.stringify({ removeOnComplete: true })]
    const fields = ['name', 'range', 'data', data, 'opts', opts, 'timestamp', 1, 'delay', 0, 'priority', 0]
    await this.#server.command('HSET', `${queue}:t1-1`, ...fields)
    await this.#server.command('RPUSH', `${queue}:${list}`, 't1-1')
    return `${queue}:t1-1`
  }

  /** What an instance has left in Redis. */
  async #leftBy(id: string): Promise<unknown[]> {
    const { jobs, members } = keysOf(this.group)
    const member = await this.#server.command('HGET', members, id)
    const queue = (await this.#server.command('KEYS', `${jobs}:${id}:*`)) as string[]
    return member === null ? queue : [member, ...queue]
  }
}
