import { eventually } from './deadline.js'
import { freePort } from './free-port.js'
import { inlineCommand } from './inline-redis.js'
import { type RedisServer, type StartRedisOptions, startRedis } from './redis-server.js'

const PRIMARIES = 3
const SLOTS = 16_384
/** After so long without a sign of one, the others hold an election. */
const NODE_TIMEOUT_MS = 1000
/** One that stands still does not answer. */
const ANSWER_WITHIN_MS = 1000
/** How many keys go to another server at a time, as `redis-cli --cluster reshard` does it. */
const KEYS_A_MOVE = 10

/** A server of a Cluster, by the name that the others have for it. */
interface ClusterServer {
  readonly server: RedisServer
  readonly id: string
}

/** A Redis Cluster of the test's own: three primaries, and copies of the one that has the slot. Made by `startCluster`. */
export class RedisCluster {
  readonly #key: string
  readonly #all: readonly ClusterServer[]
  #slot = 0

  constructor(key: string, all: readonly ClusterServer[]) {
    this.#key = key
    this.#all = all
  }

  /** What a node is given as `redis`. */
  get target(): { cluster: { host: string; port: number }[] } {
    return { cluster: this.servers.map(({ port }) => ({ host: '127.0.0.1', port })) }
  }

  get servers(): RedisServer[] {
    return this.#all.map(({ server }) => server)
  }

  /** The server that has the slot, by its own word and that of all others that answer; undefined while they differ. */
  async present(): Promise<RedisServer | undefined> {
    const heard = await Promise.all(
      this.#all.map(async ({ server, id }) => {
        const nodes = await nodesOf(server).catch(() => [])
        return { server, id, says: ownerIn(nodes, this.#slot), answers: nodes.length > 0 }
      }),
    )
    const answers = heard.filter((one) => one.answers)
    const owners = new Set(answers.map(({ says }) => says))
    return owners.size === 1 ? answers.find(({ id, says }) => id === says)?.server : undefined
  }

  /** Waits until they agree on who has the slot, and that it is another one than `old`, if that is given. */
  async owner(old?: RedisServer): Promise<RedisServer> {
    return eventually(
      async () => {
        const present = await this.present()
        return present !== old && present
      },
      { timeoutMs: 40_000, message: 'the servers of the Cluster to agree on who has the slot' },
    )
  }

  /** The copies of the server that has the slot. */
  async copies(): Promise<RedisServer[]> {
    const owner = this.#known(await this.owner())
    const lines = await nodesOf(owner.server)
    const ids = lines.filter(([, , , primary]) => primary === owner.id).map(([id]) => id)
    return this.#all.filter(({ id }) => ids.includes(id)).map(({ server }) => server)
  }

  /** A primary that does not have the slot. */
  async bystander(): Promise<RedisServer> {
    const owner = await this.owner()
    const lines = await nodesOf(owner)
    const primaries = lines.filter(([, , flags]) => flags?.split(',').includes('master')).map(([id]) => id)
    const other = this.#all.find(({ server, id }) => server !== owner && primaries.includes(id))
    if (!other) throw new Error('There is no other primary')
    return other.server
  }

  /** Moves the slot with all its keys from one server to another, some keys at a time, while others use it. */
  async moveSlot(from: RedisServer, to: RedisServer): Promise<void> {
    const slot = this.#slot
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', this.#known(from).id)
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', this.#known(to).id)
    for (;;) {
      const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, KEYS_A_MOVE)) as string[]
      if (keys.length > 0) await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys)
      else break
    }
    for (const server of new Set([to, from, ...this.servers]))
      await server.command('CLUSTER', 'SETSLOT', slot, 'NODE', this.#known(to).id).catch(() => {}) // a copy is told by its own
  }

  /** Has its servers meet, and waits until all agree that all is well. */
  async form(copies: number): Promise<void> {
    const [first, ...others] = this.#all
    const primaries = this.#all.slice(0, PRIMARIES)
    if (!first) throw new Error('A Cluster has servers')
    this.#slot = Number(await first.server.command('CLUSTER', 'KEYSLOT', this.#key))
    for (const [i, { server }] of primaries.entries()) {
      await server.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
      const [low, high] = [i, i + 1].map((n) => Math.floor((n * SLOTS) / PRIMARIES))
      await server.command('CLUSTER', 'ADDSLOTSRANGE', low ?? 0, (high ?? 0) - 1)
    }
    for (const { server } of others)
      await first.server.command('CLUSTER', 'MEET', '127.0.0.1', server.port, await busPortOf(server))
    const owner = await this.owner()
    const free = this.#all.slice(PRIMARIES)
    for (const { server } of free) {
      await eventually(async () => (await nodesOf(server)).length === this.#all.length)
      await eventually(() => server.command('CLUSTER', 'REPLICATE', this.#known(owner).id))
    }
    await eventually(async () => (await this.copies()).length === copies, { message: 'the copies' })
    await eventually(async () => Number(await owner.command('WAIT', copies, 100)) === copies, {
      message: 'their data',
    })
    for (const { server } of this.#all) {
      await eventually(
        async () => String(await server.command('CLUSTER', 'INFO')).includes('cluster_state:ok'),
        { message: 'the Cluster to be well' },
      )
    }
  }

  #known(server: RedisServer): ClusterServer {
    const known = this.#all.find((one) => one.server === server)
    if (!known) throw new Error('That server is not of this Cluster')
    return known
  }
}

/**
 * Starts a Cluster in which `key` lies in the slot that tests have fail over and move. Call `stopAllRedis` in `afterAll`.
 *
 * @param copies how many servers hold copies of the one that has the slot
 */
export async function startCluster(
  key: string,
  { copies = 1, appendOnly = 'always', args = [] }: { copies?: number } & StartRedisOptions = {},
): Promise<RedisCluster> {
  const servers = await Promise.all(
    Array.from({ length: PRIMARIES + copies }, async (): Promise<ClusterServer> => {
      const server = await startRedis({ appendOnly, args: [...clusterArgs(await freePort()), ...args] })
      return { server, id: String(await server.command('CLUSTER', 'MYID')) }
    }),
  )
  const cluster = new RedisCluster(key, servers)
  await cluster.form(copies)
  return cluster
}

function clusterArgs(busPort: number): string[] {
  const settings = {
    enabled: 'yes',
    port: busPort,
    'node-timeout': NODE_TIMEOUT_MS,
    // However long a copy has been cut off: what it lacks is for the instances to put back.
    'replica-validity-factor': 0,
    'allow-replica-migration': 'no',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--cluster-${name}`, String(value)])
  return [...args, '--repl-diskless-sync-delay', '0']
}

async function busPortOf(server: RedisServer): Promise<number> {
  const [, port] = (await server.command('CONFIG', 'GET', 'cluster-port')) as [string, string]
  return Number(port)
}

/** A line of CLUSTER NODES each: id, address, flags, its primary, and further on its slots. */
async function nodesOf(server: RedisServer): Promise<string[][]> {
  const text = await inlineCommand(server.port, 'CLUSTER NODES', ANSWER_WITHIN_MS)
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
}

/** The id of the server that has the slot. */
function ownerIn(nodes: readonly string[][], slot: number): string | undefined {
  return nodes.find(([, , , , , , , , ...ranges]) =>
    ranges.some((range) => {
      const [low = '', high = low] = range.split('-')
      return Number(low) <= slot && slot <= Number(high)
    }),
  )?.[0]
}
