import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'node:tls'
import { Redis } from 'ioredis'
import type { Certificate } from './certificates.js'
import { freePort } from './free-port.js'
import { inlineCommand } from './inline-redis.js'
import { type OwnedProcess, own } from './owned-process.js'

const READY_WITHIN_MS = 10_000
const START_ATTEMPTS = 5

/** How a test's Redis speaks TLS. */
export interface RedisTls extends Certificate {
  /** What it trusts, and what its clients are to trust: the certificate of an authority. */
  readonly ca: string
  /** Whether clients must show a certificate. Default false. */
  readonly clientCerts?: boolean
}

/** How a test's Redis is set up. */
export interface StartRedisOptions {
  /** When the append-only file is forced to disk; `'no'` keeps nothing at all over a restart. Default `'no'`. */
  appendOnly?: 'no' | 'everysec' | 'always'
  /** A port to insist on; by default any free one. */
  port?: number
  /** Listen with TLS, and with nothing else. */
  tls?: RedisTls
  /** It is a sentinel, with these rules, for instance `['monitor log 127.0.0.1 6379 2']`. Nothing else counts then. */
  sentinel?: readonly string[]
  /** Further arguments of redis-server, for instance `['--maxmemory', '10mb']`. */
  args?: string[]
  /** Added to its environment. */
  env?: Record<string, string>
  /** A network of its own: a command that runs another one there, and the server's address in it. */
  network?: { enter: readonly string[]; host: string }
}

const running = new Set<RedisServer>()

/** A real redis-server of the test's own. Made by `startRedis`. */
export class RedisServer {
  readonly port: number
  /** Where it keeps its append-only file. */
  readonly dir: string
  readonly #args: readonly string[]
  readonly #tls: RedisTls | undefined
  readonly #env: Record<string, string>
  readonly #network: NonNullable<StartRedisOptions['network']>
  #process: OwnedProcess | undefined
  #client: Redis | undefined

  constructor(port: number, dir: string, args: readonly string[], options: StartRedisOptions) {
    const { tls, env = {}, network = { enter: [], host: '127.0.0.1' } } = options
    this.port = port
    this.dir = dir
    this.#args = args
    this.#tls = tls
    this.#env = env
    this.#network = network
  }

  get url(): string {
    return `${this.#tls ? 'rediss' : 'redis'}://${this.#network.host}:${this.port}`
  }

  /** @throws Error if it does not run. */
  get pid(): number {
    return this.#running().pid
  }

  /** Sends one command through a client that fails fast: no resends, no reconnects behind the test's back. */
  async command(name: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    this.#client ??= this.#connect()
    return this.#client.call(name, ...args)
  }

  /** FLUSHALL, over a connection of its own. */
  async wipe(): Promise<void> {
    await inlineCommand(this.port, 'FLUSHALL', undefined, this.#clientTls, this.#network.host)
  }

  /** False once the process has ended; a paused one runs. */
  get running(): boolean {
    return this.#process?.running ?? false
  }

  /** SIGKILL. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#dropClient()
    await this.#process?.kill9()
  }

  /**
   * Starts it again on the same port and directory, after a SIGKILL if it still runs.
   *
   * @param extraArgs further arguments, for this start only
   */
  async restart(extraArgs: readonly string[] = []): Promise<void> {
    await this.kill()
    const { enter, host } = this.#network
    const server = process.env['REDIS_SERVER_BIN'] ?? 'redis-server'
    const [command = server, ...args] = [...enter, server, ...this.#args, ...extraArgs]
    const started = await own(command, args, { cwd: this.dir, env: this.#env })
    this.#process = started
    const deadlineMs = performance.now() + READY_WITHIN_MS
    while (!(await answers(this.port, started.pid, this.#clientTls, host))) {
      if (started.running && performance.now() < deadlineMs) {
        await sleep(5)
        continue
      }
      const why = started.running ? `was not ready within ${READY_WITHIN_MS} ms` : 'ended at once'
      await started.kill9()
      await started.closed
      throw new Error(
        `${server} on port ${this.port} ${why}. It said:\n${started.stdout()}${started.stderr()}`,
      )
    }
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  async pause(): Promise<void> {
    await this.#running().pause()
  }

  /** SIGCONT, after `pause`. What clients sent meanwhile runs now. */
  resume(): void {
    this.#running().resume()
  }

  /** Ends it for good and removes its directory. */
  async stop(): Promise<void> {
    running.delete(this)
    // Nothing of it is kept, so there is no reason to ask it politely.
    await this.kill()
    await rm(this.dir, { recursive: true, force: true })
  }

  /** What a client of the tests' own needs. It shows the server's own certificate, should it be asked for one. */
  get #clientTls(): ConnectionOptions | undefined {
    if (!this.#tls) return undefined
    const { ca, cert, key } = this.#tls
    // Tests may give the server a certificate that is no good for its address.
    return { ca, cert, key, checkServerIdentity: () => undefined }
  }

  #running(): OwnedProcess {
    if (!this.#process?.running) throw new Error(`The Redis on port ${this.port} does not run`)
    return this.#process
  }

  #connect(): Redis {
    const client = new Redis({
      host: this.#network.host,
      port: this.port,
      protocol: 2,
      connectionName: 'test-support',
      maxRetriesPerRequest: 1,
      retryStrategy: null,
      commandTimeout: 5_000,
      ...(this.#clientTls && { tls: this.#clientTls }),
    })
    // The failed command tells; a client without this listener would print as well.
    client.on('error', () => {})
    client.on('end', () => {
      if (this.#client === client) this.#client = undefined
    })
    return client
  }

  #dropClient(): void {
    this.#client?.disconnect()
    this.#client = undefined
  }
}

/**
 * Starts a redis-server (`REDIS_SERVER_BIN`, else the one on the PATH) on a loopback port and in a directory of its own,
 * without any configuration file. Call `stopAllRedis` in `afterAll`.
 *
 * @throws Error with the server's output if it is not ready within 10 s.
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'leasehold-redis-'))
  if (options.tls) await writeTlsFiles(dir, options.tls)
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    const args = options.sentinel
      ? await sentinelArgs(port, dir, options.sentinel)
      : serverArgs(port, dir, options)
    const server = new RedisServer(port, dir, args, options)
    running.add(server)
    try {
      await server.restart()
      return server
    } catch (error) {
      const taken = error instanceof Error && error.message.includes('Address already in use')
      if (options.port === undefined && taken && attempt < START_ATTEMPTS) {
        running.delete(server)
        continue
      }
      await server.stop()
      throw error
    }
  }
}

/** Stops every Redis that this test file has started and not stopped, also after a test that threw. */
export async function stopAllRedis(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()))
}

function serverArgs(
  port: number,
  dir: string,
  { appendOnly = 'no', tls, args = [] }: StartRedisOptions,
): string[] {
  const aof =
    appendOnly === 'no' ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--appendfsync', appendOnly]
  const listen = tls ? ['--port', '0', '--tls-port', String(port), ...tlsArgs(tls)] : ['--port', String(port)]
  const place = [...listen, '--bind', '127.0.0.1', '--dir', dir]
  return [...place, '--save', '', ...aof, '--enable-debug-command', 'yes', ...args]
}

/** Sentinels take their rules from a file, and write there what they find out. */
async function sentinelArgs(port: number, dir: string, rules: readonly string[]): Promise<string[]> {
  const file = join(dir, 'sentinel.conf')
  const lines = [`port ${port}`, 'bind 127.0.0.1', `dir ${dir}`, ...rules.map((rule) => `sentinel ${rule}`)]
  await writeFile(file, `${lines.join('\n')}\n`)
  return [file, '--sentinel']
}

const TLS_FILES = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' } as const

async function writeTlsFiles(dir: string, tls: RedisTls): Promise<void> {
  const names = Object.entries(TLS_FILES) as [keyof typeof TLS_FILES, string][]
  await Promise.all(names.map(([part, name]) => writeFile(join(dir, name), tls[part])))
}

/** By names alone: the server runs in its directory. */
function tlsArgs({ clientCerts = false }: RedisTls): string[] {
  const { ca, cert, key } = TLS_FILES
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key]
  return [...files, '--tls-auth-clients', clientCerts ? 'yes' : 'no']
}

/** Whether this very process answers on the port: another server may have taken it in between. */
async function answers(
  port: number,
  pid: number,
  tls: ConnectionOptions | undefined,
  host: string,
): Promise<boolean> {
  try {
    await inlineCommand(port, 'PING', 1_000, tls, host)
    return (await inlineCommand(port, 'INFO server', 1_000, tls, host)).includes(`process_id:${pid}\r\n`)
  } catch {
    return false
  }
}
