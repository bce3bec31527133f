import { join } from 'node:path'
import { PATIENCE_MS, within } from './deadline.js'
import { type Exit, type OwnedProcess, own } from './owned-process.js'

const ROOT = join(__dirname, '..', '..')
const KV_EXAMPLE = join(ROOT, 'examples', 'kv', 'dist', 'server.js')
const READY_WITHIN_MS = 30_000

/** How an instance is started. */
export interface StartInstanceOptions {
  /** Configuration of the example: `REDIS_URL`, `GROUP`, `LEASE_TTL_MS` and so on. `PORT` is 0 unless given. */
  env: Record<string, string>
  /** Another server: it says where it listens, as the example does, and has `/cluster`. */
  script?: string
  /** Gets the process before it is ready. */
  onStart?: (owned: OwnedProcess) => void
}

/** What an instance replied. */
export interface Reply<B> {
  readonly status: number
  readonly headers: Headers
  /** Typed as it is on success, and with the error that stands there otherwise. */
  readonly body: B & { readonly error?: { readonly code: string; readonly message: string } }
}

/** What may go along with a request. */
export interface RequestOptions {
  headers?: Record<string, string>
  timeoutMs?: number
}

/** What a write returns: where its entry stands in the log. */
export interface Written {
  readonly index: number
  readonly term: number
}

/** The part of `GET /cluster/status` that others may rely on. */
export interface StatusBody {
  readonly instance: {
    readonly id: string
    readonly role: string
    readonly term: number
    readonly stale: boolean
    readonly audit: {
      readonly agreedIndex: number
      readonly differs?: { readonly from: number; readonly to: number } | null
      readonly rebuilds: number
    }
  }
  readonly group: {
    readonly leader?: { readonly id: string; readonly url?: string } | null
    readonly term: number
    readonly head: number
    readonly leaderChanges: number
    readonly history: readonly { readonly reason: string | null }[]
    readonly members: readonly {
      readonly id: string
      readonly url?: string
      readonly role: string
      readonly appliedIndex: number
      readonly lagEntries: number
      readonly alive: boolean
    }[]
  }
  readonly [more: string]: unknown
}

const running = new Set<Instance>()

/** A process of the kv example. Made by `startInstance`. */
export class Instance {
  readonly url: string
  readonly #process: OwnedProcess

  constructor(url: string, owned: OwnedProcess) {
    this.url = url
    this.#process = owned
    running.add(this)
    void owned.exited.then(() => running.delete(this))
  }

  get pid(): number {
    return this.#process.pid
  }

  /** False once the process has ended; a paused one runs. */
  get running(): boolean {
    return this.#process.running
  }

  /** Resolves when the process has ended. Never rejects. */
  get exited(): Promise<Exit> {
    return this.#process.exited
  }

  /** The end of what it wrote to its standard error. */
  stderr(): string {
    return this.#process.stderr()
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill9(): Promise<Exit> {
    return this.#process.kill9()
  }

  /** SIGTERM. Resolves when it has stopped. */
  async terminate(): Promise<Exit> {
    return this.#process.terminate()
  }

  /** SIGSTOP. Resolves when it stands still. */
  async pause(): Promise<void> {
    await this.#process.pause()
  }

  /** SIGCONT, after `pause`. */
  resume(): void {
    this.#process.resume()
  }

  /** Whether it says that it leads. An instance that does not answer within a second does not say so. */
  async leads(): Promise<boolean> {
    try {
      return (await this.request('GET', '/cluster/leader', { timeoutMs: 1_000 })).status === 200
    } catch {
      return false
    }
  }

  /** The body of `GET /cluster/status`. */
  async status(options: RequestOptions = {}): Promise<StatusBody> {
    return (await this.request<StatusBody>('GET', '/cluster/status', options)).body
  }

  async put(key: string, value: unknown, options: RequestOptions = {}): Promise<Reply<Written>> {
    return this.request('PUT', `/kv/${encodeURIComponent(key)}`, { ...options, body: { value } })
  }

  async get(
    key: string,
    options: RequestOptions & { consistency?: 'local' | 'session' | 'linearizable' } = {},
  ): Promise<Reply<{ value: unknown; index: number }>> {
    const query = options.consistency ? `?consistency=${options.consistency}` : ''
    return this.request('GET', `/kv/${encodeURIComponent(key)}${query}`, options)
  }

  async cas(
    key: string,
    expect: unknown,
    value: unknown,
    options: RequestOptions = {},
  ): Promise<Reply<Written & { value?: unknown }>> {
    return this.request('POST', `/kv/${encodeURIComponent(key)}/cas`, { ...options, body: { expect, value } })
  }

  async push(
    key: string,
    item: string,
    options: RequestOptions = {},
  ): Promise<Reply<Written & { position: number }>> {
    return this.request('POST', `/list/${encodeURIComponent(key)}`, { ...options, body: { item } })
  }

  async list(key: string, options: RequestOptions = {}): Promise<Reply<{ items: string[]; index: number }>> {
    return this.request('GET', `/list/${encodeURIComponent(key)}`, options)
  }

  /** Any request with a JSON body or none, on a connection of its own. A reply that is not JSON has its text as body. */
  async request<B = unknown>(
    method: string,
    path: string,
    options: RequestOptions & { body?: unknown } = {},
  ): Promise<Reply<B>> {
    const response = await fetch(this.url + path, {
      method,
      // Kept-alive connections would stay behind as open handles, and break under the test when an instance dies.
      headers: { connection: 'close', 'content-type': 'application/json', ...options.headers },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs ?? PATIENCE_MS),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') && text !== ''
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }
}

/**
 * Starts the kv example and waits until it says where it listens. Call `stopAllInstances` in `afterAll`.
 *
 * @throws Error with what it wrote if it ends before, or is not ready within 30 s.
 */
export async function startInstance(options: StartInstanceOptions): Promise<Instance> {
  let heard: (url: string) => void = () => {}
  const listening = new Promise<string>((resolve) => {
    heard = resolve
  })
  const onLine = (line: string) => {
    const url = /^listening (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1]
    if (url) heard(url)
  }
  const script = options.script ?? KV_EXAMPLE
  const owned = await own(process.execPath, [script], {
    cwd: ROOT,
    env: { PORT: '0', ...options.env },
    onLine,
  })
  options.onStart?.(owned)
  const ended = owned.closed.then(() => Promise.reject(new Error('it has ended')))
  try {
    return new Instance(await within(Promise.race([listening, ended]), { timeoutMs: READY_WITHIN_MS }), owned)
  } catch (cause) {
    await owned.kill9()
    await owned.closed
    throw new Error(`${script} does not listen. It said:\n${owned.stdout()}${owned.stderr()}`, { cause })
  }
}

/** Kills every instance that this test file has started, also after a test that threw. */
export async function stopAllInstances(): Promise<void> {
  await Promise.all([...running].map((instance) => instance.kill9()))
}
