import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './root.mjs'

let guardProcess
let lastId = 0

function start() {
  const child = spawn(process.execPath, [join(root, 'scripts/lib/guard-process.mjs')], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  child.unref()
  child.stdin.unref()
  // Without its guard a script still cleans up after itself on every end that it can see.
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  return child
}

/**
 * Has a leftover, { pid }, { folder } or { container }, removed when this script is gone, even by a crash or
 * kill -9, where no handler of its own runs. Returns the function that releases it.
 */
export function guard(leftover) {
  guardProcess ??= start()
  lastId += 1
  const id = lastId
  const tell = (message) => guardProcess.stdin.write(`${JSON.stringify(message)}\n`)
  tell({ id, leftover })
  return () => tell({ id })
}
