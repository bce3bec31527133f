#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { main } from './main.js'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

// Whoever reads may have seen enough, as `leasehold log | head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await main(process.argv.slice(2), version)
