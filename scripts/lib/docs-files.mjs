import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './root.mjs'

const LEFT_OUT = /(?:^|\/)(?:node_modules|dist|coverage|\.[^/]+)(?:\/|$)/

/** Every markdown file of the repository, as `{ path, text }`. What changesets wrote, and hidden folders, are left out. */
export function markdownFiles(folder = root) {
  return filesBelow(folder)
    .map((file) => relative(folder, file))
    .filter((path) => path.endsWith('.md') && !path.endsWith('CHANGELOG.md'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }))
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (LEFT_OUT.test(entry.name)) return []
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}
