import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { aptInstall, succeeds } from './apt.mjs'
import { cacheFolder } from './root.mjs'
import { capture, onPath } from './run.mjs'
import { isCi } from './script.mjs'
import { note } from './step.mjs'

const EXTRACTED = join(cacheFolder, 'redis')
// In Debian the server is the program redis-check-rdb under another name, and it comes with this package.
const DEBIAN_PACKAGE = 'redis-tools'

/** A server that aptExtract left in the cache, or undefined. */
export function extractedServer() {
  const path = join(EXTRACTED, 'root/usr/bin/redis-server')
  if (!existsSync(path)) return undefined
  const lib = join(EXTRACTED, 'root/usr/lib')
  // Libraries stand in a folder named after the machine type: usr/lib/x86_64-linux-gnu and the like.
  const folders = existsSync(lib) ? readdirSync(lib).map((name) => join(lib, name)) : []
  return { path, env: folders.length > 0 ? { LD_LIBRARY_PATH: folders.join(':') } : {} }
}

/**
 * Installs a server with what the system has. As root with apt it does so unasked (a container, a build machine);
 * otherwise only when asked, or in CI. Returns { path, env }, or undefined if there is no way or it failed.
 */
export async function installServer(asked) {
  for (const installer of installers(asked || isCi())) {
    note(`  … ${installer.title}`)
    const server = await installer.install()
    if (server) return server
  }
  return undefined
}

function installers(asked) {
  const list = []
  if (onPath('apt-get')) {
    if (process.getuid?.() === 0) list.push({ title: 'apt-get install redis-server', install: aptServer })
    if (asked) list.push({ title: `apt-get download ${DEBIAN_PACKAGE} into .cache`, install: aptExtract })
  }
  if (asked && process.platform === 'darwin' && onPath('brew')) {
    list.push({ title: 'brew install redis', install: brewInstall })
  }
  return list
}

async function aptServer() {
  return (await aptInstall('redis-server')) ? { path: '/usr/bin/redis-server' } : undefined
}

/** Without root: the package and those of its libraries that are missing here, unpacked into the cache. */
async function aptExtract() {
  const debs = join(EXTRACTED, 'deb')
  const target = join(EXTRACTED, 'root')
  rmSync(EXTRACTED, { recursive: true, force: true })
  for (const folder of [debs, target]) mkdirSync(folder, { recursive: true })
  const options = await aptListOptions()
  const packages = [DEBIAN_PACKAGE, ...(await missingDependencies(options))]
  if (!(await succeeds('apt-get', ['download', ...options, ...packages], { cwd: debs }))) return undefined
  for (const file of readdirSync(debs)) {
    if (!(await succeeds('dpkg', ['-x', join(debs, file), target]))) return undefined
  }
  const link = join(target, 'usr/bin/redis-server')
  if (!existsSync(link)) symlinkSync('redis-check-rdb', link)
  return extractedServer()
}

/** None where the system's package lists will do; else lists of our own, fetched into the cache. */
async function aptListOptions() {
  const { output } = await capture('apt-cache', ['show', DEBIAN_PACKAGE])
  if (output.includes('Filename:')) return []
  const lists = join(EXTRACTED, 'lists')
  mkdirSync(join(lists, 'partial'), { recursive: true })
  const options = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${EXTRACTED}`]
  await succeeds('apt-get', ['update', ...options])
  return options
}

async function missingDependencies(options) {
  const { output } = await capture('apt-cache', ['depends', '--important', ...options, DEBIAN_PACKAGE])
  const names = [...output.matchAll(/^ *\|?Depends: ([^<\s]+)$/gm)].map(([, name]) => name)
  const missing = []
  for (const name of names) {
    const { output: status } = await capture('dpkg-query', ['-W', '-f', '${Status}', name])
    if (name.startsWith('lib') && !status.includes('ok installed')) missing.push(name)
  }
  return missing
}

async function brewInstall() {
  if (!(await succeeds('brew', ['install', 'redis']))) return undefined
  const { output } = await capture('brew', ['--prefix'])
  return { path: join(output.trim(), 'bin/redis-server') }
}
