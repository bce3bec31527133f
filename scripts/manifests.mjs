/**
 * Writes what all published packages share (repository, homepage, bugs, licence, engines, publishConfig) into their
 * package.json, from the root's: `node scripts/manifests.mjs [--check] [--repository <url>]`. --check only says what differs,
 * --repository changes the address everywhere.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { publicPackages, sharedFields } from './lib/packages.mjs'
import { readJson, root } from './lib/root.mjs'
import { runScript, ScriptError } from './lib/script.mjs'
import { note } from './lib/step.mjs'

const REPOSITORY = /^https:\/\/[\w.-]+\/[\w.-]+\/[\w.-]+$/
const TOP = join(root, 'package.json')

await runScript(async (args) => {
  const { values } = parseArgs({
    args,
    options: { check: { type: 'boolean', default: false }, repository: { type: 'string' } },
  })
  if (values.repository !== undefined) setRepository(values.repository)
  const differing = []
  for (const { folder, manifest } of publicPackages()) {
    const wanted = sharedFields(folder)
    const fields = Object.keys(wanted).filter((name) => !isDeepStrictEqual(manifest[name], wanted[name]))
    if (fields.length === 0) continue
    differing.push(`${manifest.name}: ${fields.join(', ')}`)
    if (!values.check) write(join(folder, 'package.json'), placed(manifest, wanted))
  }
  if (values.check && differing.length > 0)
    throw new ScriptError(`${differing.join('\n')}\n\nThese differ. Run: node scripts/manifests.mjs`)
  note(differing.length > 0 ? `  written: ${differing.join('; ')}` : '  nothing to change')
})

function setRepository(url) {
  if (!REPOSITORY.test(url))
    throw new ScriptError(`${url} is no address such as https://github.com/owner/name`)
  const manifest = readJson(TOP)
  write(TOP, { ...manifest, repository: { ...manifest.repository, url: `git+${url}.git` } })
}

/** Fields that are there keep their place; new ones come behind the licence. */
function placed(manifest, wanted) {
  const fields = Object.entries(manifest).map(([name, value]) => [name, wanted[name] ?? value])
  const fresh = Object.entries(wanted).filter(([name]) => !Object.hasOwn(manifest, name))
  fields.splice(fields.findIndex(([name]) => name === 'license') + 1, 0, ...fresh)
  return Object.fromEntries(fields)
}

function write(file, manifest) {
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  if (text !== readFileSync(file, 'utf8')) writeFileSync(file, text)
}
