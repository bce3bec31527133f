/** Imports a file in a process of its own: `import-file.mjs <redis url> <group> <file>`. Prints what it took. */
import { importSnapshot } from '@leasehold/core'
import { createReadStream, existsSync, readFileSync } from 'node:fs'

const STATUS = '/proc/self/status'

/** The most memory that this program had. Linux counts what the parent had when it started us into `maxRSS`. */
function peakRssBytes() {
  const peakKib = existsSync(STATUS)
    ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(STATUS, 'utf8'))?.[1]
    : process.resourceUsage().maxRSS
  return Number(peakKib) * 1024
}

const [redis, group, file] = process.argv.slice(2)
const imported = await importSnapshot({ group, redis, commandTimeoutMs: 20_000 }, createReadStream(file))
process.stdout.write(JSON.stringify({ ...imported, rssBytes: peakRssBytes() }))
