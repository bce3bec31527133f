import { join } from 'node:path'
import { PATIENCE_MS } from './deadline.js'
import { Inbox } from './inbox.js'
import { type Exit, type OwnedProcess, own } from './owned-process.js'

/** Where programs run: `@leasehold/core` is linked into this folder's node_modules. */
const TEST_DIR = join(__dirname, '..')

/** How a program is started. */
export interface ProgramOptions {
  /** Added to this process's environment. */
  env?: Record<string, string>
  /** Arguments of Node itself, for instance `['--conditions=@leasehold/source']`. */
  nodeArgs?: string[]
  /** Arguments of the program. */
  args?: string[]
}

/** A message of a program: any JSON object. */
export type Message = Record<string, unknown>

const running = new Set<Program>()

/** A Node program in a process of its own that exchanges JSON messages with the test. Made by `startProgram`. */
export class Program {
  readonly #process: OwnedProcess
  readonly #inbox: Inbox<Message>

  constructor(owned: OwnedProcess, inbox: Inbox<Message>) {
    this.#process = owned
    this.#inbox = inbox
    running.add(this)
    void owned.exited.then(() => running.delete(this))
    // After all of its output has been read, lest a last message is reported as missing.
    void owned.closed.then(() => inbox.close(new Error(`The program has ended. It said:\n${owned.stderr()}`)))
  }

  get pid(): number {
    return this.#process.pid
  }

  /** Resolves when the process has ended. Never rejects. */
  get exited(): Promise<Exit> {
    return this.#process.exited
  }

  /** The end of what it wrote to its standard error. */
  stderr(): string {
    return this.#process.stderr()
  }

  /** Sends it a message. To a process that is gone it is lost. */
  send(message: Message): void {
    this.#process.stdin.write(`${JSON.stringify(message)}\n`)
  }

  /**
   * Takes the program's first message for which `wanted` holds, also one that came before this call.
   *
   * @throws Error after `timeoutMs`, or with the program's standard error when it ended before.
   */
  async next<M extends Message = Message>(
    wanted: (message: M) => boolean = () => true,
    timeoutMs = PATIENCE_MS,
  ): Promise<M> {
    return (await this.#inbox.take((message) => wanted(message as M), timeoutMs)) as M
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill9(): Promise<Exit> {
    return this.#process.kill9()
  }

  /** SIGTERM. Resolves when it is gone. */
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
}

/**
 * Runs an ES module with Node, given as text or as `{ file }`. Imports in a text resolve from `test/`, so it can import
 * `@leasehold/core` (as built, in dist) and, for its end of the messages, `./support/program-port.mjs`. Call
 * `stopAllPrograms` in `afterAll`.
 *
 * @example
 * ```ts
 * const program = await startProgram(`
 *   import { createNode } from '@leasehold/core'
 *   import { onMessage, send } from './support/program-port.mjs'
 *   onMessage(({ add }) => send({ sum: add[0] + add[1] }))
 * `)
 * program.send({ add: [1, 2] })
 * const { sum } = await program.next()
 * ```
 */
export async function startProgram(
  source: string | { file: string },
  options: ProgramOptions = {},
): Promise<Program> {
  const what = typeof source === 'string' ? ['--input-type=module', '--eval', source] : [source.file]
  const inbox = new Inbox<Message>()
  const onLine = (line: string) => {
    const message = parseMessage(line)
    if (message) inbox.put(message)
  }
  const { env = {}, nodeArgs = [], args = [] } = options
  return new Program(
    await own(process.execPath, [...nodeArgs, ...what, ...args], { cwd: TEST_DIR, env, onLine }),
    inbox,
  )
}

/** Kills every program that this test file has started, also after a test that threw. */
export async function stopAllPrograms(): Promise<void> {
  await Promise.all([...running].map((program) => program.kill9()))
}

/** Other lines on the standard output are somebody's logging. */
function parseMessage(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Message) : undefined
  } catch {
    return undefined
  }
}
