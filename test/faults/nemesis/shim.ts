import { execFile } from 'node:child_process'
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { StartRedisOptions } from '../../support/redis-server.js'

const CACHE = join(__dirname, '..', '..', '..', '.cache', 'shims')

/** What a Redis with a shim finds in its directory, where a test can write and read it. */
export const IN_DIRECTORY = { SYNCED: 'synced', DISK_FULL: 'disk-full', CLOCK_SHIFT: 'clock-shift' }

/** Compiles one of `shims`, and returns what a Redis is started with that has it in place of libc's functions. */
export async function withShim(
  shim: 'disk' | 'clock',
  options: StartRedisOptions = {},
): Promise<StartRedisOptions> {
  mkdirSync(CACHE, { recursive: true })
  const library = join(CACHE, `${shim}.so`)
  const made = `${library}-${process.pid}`
  const source = join(__dirname, 'shims', `${shim}.c`)
  await promisify(execFile)('gcc', [
    '-O1',
    '-Wall',
    '-Werror',
    '-shared',
    '-fPIC',
    '-o',
    made,
    source,
    '-ldl',
  ])
  renameSync(made, library) // in one step: others may be about to load it
  return { ...options, env: { ...IN_DIRECTORY, LD_PRELOAD: library } }
}
