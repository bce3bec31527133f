import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pnpm, root } from './root.mjs'
import { capture } from './run.mjs'
import { ScriptError } from './script.mjs'
import { step } from './step.mjs'

const STAMP = join(root, 'node_modules', '.leasehold-install')

function workspaceFolders() {
  const nested = ['packages', 'examples'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => join(root, parent, name)),
  )
  return [root, join(root, 'test'), join(root, 'bench'), join(root, 'docs'), ...nested].filter((folder) =>
    existsSync(join(folder, 'package.json')),
  )
}

/** Changes with anything that decides what an install puts on this machine. */
function fingerprint(folders) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  const files = [join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml')]
  for (const file of [...files, ...folders.map((folder) => join(folder, 'package.json'))]) {
    hash.update(readFileSync(file))
  }
  return hash.digest('hex')
}

function isInstalled(folders, wanted) {
  if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== wanted) return false
  return folders.every((folder) => existsSync(join(folder, 'node_modules')))
}

/** Installs the locked dependencies unless the last install was of exactly these. */
export async function install() {
  const folders = workspaceFolders()
  const wanted = fingerprint(folders)
  if (isInstalled(folders, wanted)) return
  await step('install dependencies', async () => {
    // Without a terminal pnpm gives up rather than ask whether it may replace an older node_modules.
    const [command, args] = pnpm('install', '--frozen-lockfile', '--config.confirm-modules-purge=false')
    const { code, output } = await capture(command, args)
    if (code !== 0) throw new ScriptError(`${output.trimEnd()}\n\nThe install failed (exit code ${code}).`)
    writeFileSync(STAMP, wanted)
  })
}
