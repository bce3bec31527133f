/**
 * Installs the packed packages into an empty project, as a user would, and uses them there: import, require, both at
 * once, and a type check that reads our declarations and those of everything they lean on. Then follows the quick start.
 */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from '../../scripts/lib/build.mjs'
import { install } from '../../scripts/lib/install.mjs'
import { checkStep, inTemporaryFolder, packPackages } from '../../scripts/lib/pack.mjs'
import { runScript } from '../../scripts/lib/script.mjs'
import { followQuickStart } from './quick-start.mjs'

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url))
const PEERS = ['ioredis@6', 'express@5', 'fastify@5', '@opentelemetry/api@1.9.1']
const TOOLS = ['typescript@7.0.2', '@types/node@20', '@types/express@5']

await runScript(async () => {
  await install()
  await build()
  await inTemporaryFolder(async (folder) => {
    const tarballs = await packPackages(folder)
    const project = join(folder, 'project')
    cpSync(FIXTURES, project, { recursive: true })
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
    const inProject = { cwd: project }
    await checkStep(
      'npm install in an empty project',
      'npm',
      ['install', ...tarballs, ...PEERS, ...TOOLS],
      inProject,
    )
    await checkStep('import', process.execPath, ['import.mjs'], inProject)
    await checkStep('require, and the same classes as import', process.execPath, ['require.cjs'], inProject)
    // As an operator has it: by the name of the program, from what was installed.
    await checkStep('the command line', 'npx', ['--no-install', 'leasehold', '--help'], inProject)
    await checkStep('types under nodenext', process.execPath, ['node_modules/typescript/bin/tsc'], inProject)
    await followQuickStart(tarballs, join(folder, 'newcomer'))
  })
})
