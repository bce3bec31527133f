/**
 * The other end of guard.mjs. Its standard input closes when the script that started it is gone, however that
 * happened; what has not been released by then is removed. It has a session of its own, so that a Ctrl-C in the
 * terminal does not end it first.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

const guarded = new Map()

for await (const line of createInterface({ input: process.stdin })) {
  const { id, leftover } = JSON.parse(line)
  if (leftover) guarded.set(id, leftover)
  else guarded.delete(id)
}

for (const { pid, container } of guarded.values()) {
  if (container) spawnSync('docker', ['rm', '--force', container], { stdio: 'ignore' })
  try {
    if (pid) process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
for (const { folder } of guarded.values()) {
  // A server that was killed a moment ago may still add a file: try again.
  if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
