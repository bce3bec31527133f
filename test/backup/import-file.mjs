/** Imports a file in a process of its own: `import-file.mjs <redis url> <group> <file>`. Prints what it took. */
import { importSnapshot } from '@leasehold/core'
import { createReadStream } from 'node:fs'

const [redis, group, file] = process.argv.slice(2)
const imported = await importSnapshot({ group, redis, commandTimeoutMs: 20_000 }, createReadStream(file))
process.stdout.write(JSON.stringify({ ...imported, rssBytes: process.resourceUsage().maxRSS * 1024 }))
