import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readJson, root } from './root.mjs'

/** What stands in a repository's address until somebody has one: `node scripts/manifests.mjs --repository <url>`. */
export const NO_OWNER = 'OWNER'

/** The packages that are published, found and not listed: those in `packages/` that are not private. */
export function publicPackages(top = root) {
  return readdirSync(join(top, 'packages'))
    .map((name) => join(top, 'packages', name))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readJson(join(folder, 'package.json')) }))
    .filter(({ manifest }) => !manifest.private)
}

/** The same, each behind those of them that it needs. */
export function inOrderOfNeed(packages) {
  const left = [...packages]
  const ordered = []
  while (left.length > 0) {
    const waits = ({ manifest }) =>
      left.some(({ manifest: other }) => other !== manifest && needs(manifest, other.name))
    const at = left.findIndex((each) => !waits(each))
    if (at === -1)
      throw new Error(`These need each other: ${left.map(({ manifest }) => manifest.name).join(', ')}`)
    ordered.push(...left.splice(at, 1))
  }
  return ordered
}

function needs({ dependencies = {}, peerDependencies = {}, optionalDependencies = {} }, name) {
  return [dependencies, peerDependencies, optionalDependencies].some((field) => Object.hasOwn(field, name))
}

/** What every published package says about itself, from the one place where it is written: the root's package.json. */
export function sharedFields(folder, top = root) {
  const { repository, license, engines } = readJson(join(top, 'package.json'))
  const page = repository.url.replace(/^git\+/, '').replace(/\.git$/, '')
  return {
    license,
    engines,
    homepage: `${page}#readme`,
    bugs: { url: `${page}/issues` },
    repository: { ...repository, directory: folder.slice(top.length + 1).replaceAll('\\', '/') },
    publishConfig: { access: 'public', provenance: true },
  }
}
