import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from '../structure/source-files.js'
import { APP } from './scenario.js'

/** What format 1 was frozen from. It stands for the release before as long as there is none. */
const FROZEN = '6a27b96'
const PEERS = ['ioredis@6', 'express@5']

/** The app on the packages of the release before this tree. */
export interface Previous {
  readonly folder: string
  readonly script: string
  /** What it really is: `@leasehold/core@0.1.0`, `commit …`, or `this tree`. */
  readonly from: string
}

/**
 * The release before: from npm once there is one, until then built from the commit that format 1 was frozen from. A clone
 * without history has neither, and compares this tree with itself.
 */
export function previousRelease(): Previous {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-previous-'))
  const script = join(folder, 'app.mjs')
  copyFileSync(APP, script)
  const { version } = JSON.parse(readFileSync(join(ROOT, 'packages/core/package.json'), 'utf8')) as {
    version: string
  }
  if (version !== '0.0.0') return { folder, script, from: installLatest(folder) }
  if (!hasCommit()) {
    symlinkSync(join(ROOT, 'test/node_modules'), join(folder, 'node_modules'))
    return { folder, script, from: 'this tree' }
  }
  buildFrozen(folder)
  const used = createRequire(script).resolve('@leasehold/express')
  if (!used.startsWith(realpathSync(folder))) throw new Error(`The app would use ${used}`)
  return { folder, script, from: `commit ${FROZEN}` }
}

function installLatest(folder: string): string {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const packages = ['@leasehold/core@latest', '@leasehold/express@latest', ...PEERS]
  execFileSync('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: folder, stdio: 'pipe' })
  const installed = join(folder, 'node_modules/@leasehold/core/package.json')
  return `@leasehold/core@${(JSON.parse(readFileSync(installed, 'utf8')) as { version: string }).version}`
}

function hasCommit(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${FROZEN}^{commit}`], { cwd: ROOT, stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

function buildFrozen(folder: string): void {
  const archive = execFileSync('git', ['archive', FROZEN, 'packages', 'tsconfig.base.json'], {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024,
  })
  execFileSync('tar', ['x'], { cwd: folder, input: archive })
  // All that is installed in this workspace, in one folder above the packages, and they themselves in place of today's.
  const modules = join(folder, 'node_modules')
  const today = readdirSync(join(ROOT, 'packages')).map((name) =>
    join(ROOT, 'packages', name, 'node_modules'),
  )
  for (const from of [join(ROOT, 'test/node_modules'), ...today, join(ROOT, 'node_modules')])
    linkAll(from, modules)
  for (const [name, at] of [
    ['core', 'core'],
    ['express', 'express-adapter'],
  ] as const)
    link(join(folder, 'packages', at), join(modules, '@leasehold', name))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, '-b', 'packages/express-adapter'], { cwd: folder, stdio: 'pipe' })
}

function linkAll(from: string, to: string): void {
  if (!existsSync(from)) return
  for (const name of readdirSync(from)) {
    if (name.startsWith('.') || name === '@leasehold') continue
    if (name.startsWith('@')) linkAll(join(from, name), join(to, name))
    else link(join(from, name), join(to, name))
  }
}

function link(target: string, path: string): void {
  if (existsSync(path)) return
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}
