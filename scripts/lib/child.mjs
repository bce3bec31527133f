import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { guard } from './guard.mjs'
import { root } from './root.mjs'

const RECENT_LINES = 40

/**
 * Starts a process that lives beside this script: out of reach of the terminal's Ctrl-C, so that the script
 * decides the order in which things stop, and guarded, so that it never outlives the script.
 * `ended` resolves to { code, signal } and never rejects.
 */
export function startChild(command, args, { env = process.env, cwd = root, onLine = () => {} } = {}) {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const release = child.pid === undefined ? () => {} : guard({ pid: child.pid })
  const recent = []
  const receive = (line) => {
    recent.push(line)
    if (recent.length > RECENT_LINES) recent.shift()
    onLine(line)
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', receive)
  const ended = new Promise((resolve) => {
    child.once('exit', release)
    child.once('close', (code, signal) => resolve({ code, signal }))
    child.once('error', (error) => {
      receive(error.message)
      resolve({ code: 127, signal: null })
    })
  })

  return {
    pid: child.pid,
    ended,
    hasEnded: () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null,
    /** The last lines it printed on either stream, for error reports. */
    recentOutput: () => recent.join('\n'),
    signal: (name) => child.kill(name),
    /** Asks it to end, waits, and kills it if it takes longer than `timeoutMs`. */
    async stop(timeoutMs) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
      const result = await ended
      clearTimeout(timer)
      return result
    },
  }
}
