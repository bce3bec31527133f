import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's top folder: scripts work from any current folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** What is costly to make and safe to delete: logs, summaries, an extracted Redis. Ignored by git. */
export const cacheFolder = join(root, '.cache')

export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** The pnpm this repository was tried with. Run through npx, so that nobody has to install it. */
export function pnpm(...args) {
  return ['npx', ['--yes', `pnpm@${readJson(join(root, 'package.json')).config.pnpm}`, ...args]]
}
