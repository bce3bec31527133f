import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './root.mjs'

const SOURCE = '@leasehold/source'

/** The packages that are published, as `{ name, folder, manifest, entries }`, by name. */
export function publicPackages() {
  return readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      return { name: manifest.name, folder, manifest, entries: entriesOf(manifest, folder) }
    })
    .filter(({ manifest }) => manifest.private !== true)
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** What can be imported from a package: `{ name, source }`, the name as it is written in an import. */
function entriesOf({ name, exports = {} }, folder) {
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target?.[SOURCE] === 'string'
      ? [{ name: join(name, path), source: join(folder, target[SOURCE]) }]
      : [],
  )
}
