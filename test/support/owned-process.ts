import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { eventually } from './deadline.js'

/** How a process ended: by itself with a code, or by a signal. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** What a process is started with. */
export interface OwnOptions {
  cwd?: string
  /** Added to this process's environment. */
  env?: Record<string, string>
  /** Gets each line of the standard output. */
  onLine?: (line: string) => void
}

const OUTPUT_KEPT = 64 * 1024

/** A child process that ends with this one, whatever ends this one. Made by `own`. */
export class OwnedProcess {
  /** Resolves when the process has ended. Never rejects. */
  readonly exited: Promise<Exit>
  /** Resolves when the process has ended and all of its output has been read. */
  readonly closed: Promise<void>
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  #stdout = ''
  #stderr = ''

  constructor(
    child: ChildProcessByStdio<Writable, Readable, Readable>,
    onLine: ((line: string) => void) | undefined,
  ) {
    this.#child = child
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
    this.closed = new Promise((resolve) => child.once('close', () => resolve()))
    child.stdout
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#stdout = (this.#stdout + text).slice(-OUTPUT_KEPT)))
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-OUTPUT_KEPT)))
    if (onLine) createInterface({ input: child.stdout }).on('line', onLine)
    // Writing to a process that was killed is no error of the test's.
    child.stdin.on('error', () => {})
  }

  get pid(): number {
    return this.#child.pid as number
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get stdin(): Writable {
    return this.#child.stdin
  }

  /** The end of what it wrote to its standard output. */
  stdout(): string {
    return this.#stdout
  }

  /** The end of what it wrote to its standard error. */
  stderr(): string {
    return this.#stderr
  }

  /** SIGKILL: it runs no further instruction. Resolves when it is gone. */
  async kill9(): Promise<Exit> {
    this.#child.kill('SIGKILL')
    return this.exited
  }

  /** SIGTERM: asks it to stop. Resolves when it is gone; a process that ignores it is for the caller's deadline. */
  async terminate(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return this.exited
  }

  /** SIGSTOP: it stands still, its sockets stay open. Resolves when it does stand still. */
  async pause(): Promise<void> {
    this.#child.kill('SIGSTOP')
    await eventually(() => isStopped(this.pid), { intervalMs: 1, message: `process ${this.pid} to stop` })
  }

  /** SIGCONT: it goes on where `pause` stopped it. */
  resume(): void {
    this.#child.kill('SIGCONT')
  }
}

/**
 * Starts a process and binds its life to this one's.
 *
 * @throws Error if the command cannot be run.
 */
export async function own(
  command: string,
  args: readonly string[],
  options: OwnOptions = {},
): Promise<OwnedProcess> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const owned = new OwnedProcess(child, options.onLine)
  await once(child, 'spawn')
  guard(child)
  return owned
}

/**
 * Kills the child when this process ends, even by SIGKILL: a shell waits on a pipe whose other end closes then. A
 * process.on('exit') hook would not do: under Jest it never fires, because tests see a copy of `process`.
 */
function guard(child: ChildProcessByStdio<Writable, Readable, Readable>): void {
  const shell = spawn('/bin/sh', ['-c', 'read -r gone || kill -9 "$1"', 'guard', String(child.pid)], {
    // Its own process group, so that Ctrl-C at the terminal does not reach the guard first.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  shell.unref()
  ;(shell.stdin as unknown as { unref(): void }).unref()
  child.once('exit', () => shell.stdin.end('gone\n'))
}

/** The signal is delivered some time after `kill` returns. Only Linux tells; elsewhere delivery is taken for granted. */
function isStopped(pid: number): boolean {
  const stat = `/proc/${pid}/stat`
  if (!existsSync(stat)) return true
  // "pid (name) state …", and the name may contain anything, so look behind its last bracket.
  return readFileSync(stat, 'utf8').split(') ').at(-1)?.startsWith('T') ?? false
}
