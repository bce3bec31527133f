import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NO_OWNER } from './packages.mjs'
import { root } from './root.mjs'
import { capture } from './run.mjs'

/** Why these packages cannot be published now; empty if they can. */
export async function releaseProblems(packages, env = process.env) {
  const versions = [...new Set(packages.map(({ manifest }) => manifest.version))]
  const changesets = readdirSync(join(root, '.changeset')).filter((file) => file.endsWith('.md'))
  const dirty = (await capture('git', ['status', '--porcelain'])).output.trim()
  return [
    ...(versions.length > 1 ? [`the packages have several versions: ${versions.join(', ')}`] : []),
    ...(versions.includes('0.0.0') ? ['the version is 0.0.0: run npx changeset version first'] : []),
    ...(changesets.length > 0 ? [`changesets wait for a version: ${changesets.join(', ')}`] : []),
    ...(dirty ? [`there are changes that are not committed:\n${dirty}`] : []),
    ...packages.flatMap(({ folder, manifest }) => packageProblems(folder, manifest, env)),
  ]
}

function packageProblems(folder, { name, version, repository }, { GITHUB_REPOSITORY }) {
  const url = repository?.url ?? ''
  const log = join(folder, 'CHANGELOG.md')
  const isTold = existsSync(log) && readFileSync(log, 'utf8').split('\n').includes(`## ${version}`)
  // Provenance names the repository that built the package; npm compares.
  const isElsewhere = GITHUB_REPOSITORY !== undefined && !url.endsWith(`/${GITHUB_REPOSITORY}.git`)
  return [
    ...(url.includes(`/${NO_OWNER}/`)
      ? [
          `${name} has no repository yet: node scripts/manifests.mjs --repository https://github.com/<owner>/<name>`,
        ]
      : isElsewhere
        ? [`${name} says that its repository is ${url}, this is ${GITHUB_REPOSITORY}`]
        : []),
    ...(isTold ? [] : [`CHANGELOG.md of ${name} says nothing of ${version}`]),
  ]
}
