/**
 * Publishes all packages under one version: `node scripts/release.mjs [--dry-run] [--checked]`. It builds from nothing, runs
 * what CI runs (--checked: it has been run), packs, and has npm publish the packed files with provenance. --dry-run does all
 * that up to the last step, says what would stand in the way of it, and publishes nothing. A run that broke off is repeated:
 * what npm has already is left out.
 */
import { parseArgs } from 'node:util'
import { build, removeBuilt } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { checkStep, inTemporaryFolder, packPackages } from './lib/pack.mjs'
import { inOrderOfNeed, publicPackages } from './lib/packages.mjs'
import { releaseProblems } from './lib/release-checks.mjs'
import { capture, run } from './lib/run.mjs'
import { runScript, ScriptError } from './lib/script.mjs'
import { note } from './lib/step.mjs'

await runScript(async (args) => {
  const { values } = parseArgs({
    args,
    options: { 'dry-run': { type: 'boolean', default: false }, checked: { type: 'boolean', default: false } },
  })
  const isDry = values['dry-run']
  const packages = inOrderOfNeed(publicPackages())
  const problems = await releaseProblems(packages)
  for (const problem of problems) note(`  ! ${problem}`)
  if (problems.length > 0 && !isDry) throw new ScriptError('Nothing was published.')

  await install()
  removeBuilt()
  await build()
  if (!values.checked && (await run(process.execPath, ['scripts/ci.mjs'])) !== 0)
    throw new ScriptError('The checks failed. Nothing was published.')
  await inTemporaryFolder(async (folder) => {
    const tarballs = await packPackages(folder)
    for (const { manifest } of packages) await publish(manifest, tarballOf(manifest, tarballs), isDry)
  })
  if (isDry) return note(`\n  published nothing: --dry-run`)
  // It says `New tag:` for each, which is what a workflow makes releases of.
  await run('npx', ['changeset', 'tag'])
})

async function publish(manifest, tarball, isDry) {
  const { name, version } = manifest
  if (!isDry && (await isPublished(name, version))) return note(`  – ${name} ${version} is there already`)
  const tag = version.includes('-') ? 'next' : 'latest'
  const how = ['--access', 'public', '--provenance', '--tag', tag, ...(isDry ? ['--dry-run'] : [])]
  await checkStep(`publish ${name} ${version}${isDry ? ' (dry run)' : ''}`, 'npm', [
    'publish',
    tarball,
    ...how,
  ])
}

async function isPublished(name, version) {
  return (await capture('npm', ['view', `${name}@${version}`, 'version'])).output.trim() === version
}

/** pnpm names a packed file after its package: `leasehold-core-0.1.0.tgz`. */
function tarballOf({ name, version }, tarballs) {
  const file = `${name.replace('@', '').replace('/', '-')}-${version}.tgz`
  const found = tarballs.find((tarball) => tarball.endsWith(`/${file}`))
  if (!found) throw new ScriptError(`${file} was not packed`)
  return found
}
