import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type OwnedProcess, own } from '../../../test/support/owned-process.js'

/** The program as it is built: it is what `npx` runs. */
export const BIN = join(__dirname, '../dist/bin.js')
const WITHIN_MS = 20_000

/** What a run of the program came to. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the program to its end, with nothing of this environment that it would read. */
export function leasehold(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return run(process.execPath, [BIN, ...args], env)
}

/** The same on a terminal, which says `answers` when it is asked; what it writes comes together. */
export function onTerminal(
  args: readonly string[],
  answers = '',
  env: Record<string, string> = {},
): Promise<Ran> {
  const command = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ')
  return run('script', ['-qefc', command, '/dev/null'], { TERM: 'xterm', ...env }, answers)
}

/** Starts the program, for commands that do not end by themselves. */
export function startLeasehold(
  args: readonly string[],
  onLine: (line: string) => void,
): Promise<OwnedProcess> {
  return own(process.execPath, [BIN, ...args], { onLine })
}

/** Runs a command; it is killed if it does not end. */
export function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
  input = '',
): Promise<Ran> {
  // What a build machine sets keeps Node from colouring, too.
  const { REDIS_URL: _url, LEASEHOLD_GROUP: _group, NO_COLOR: _colour, CI: _ci, ...rest } = process.env
  return new Promise((resolve) => {
    const options = { env: { ...rest, ...env }, timeout: WITHIN_MS, killSignal: 'SIGKILL' } as const
    const child = execFile(command, args, options, (error, out, err) => {
      const code = error ? (typeof error.code === 'number' ? error.code : null) : 0
      resolve({ code, out, err })
    })
    child.stdin?.on('error', () => {}) // it may have ended without reading
    child.stdin?.end(input)
  })
}

/** What a command has printed with `--json`. */
export function recordIn({ out }: Ran): Record<string, unknown> {
  return JSON.parse(out) as Record<string, unknown>
}
