/**
 * Follows docs/quick-start.md to the letter in an empty folder: its commands, its files, and what it says they print. Only
 * the packages come from tarballs, and ports and Redis are private ones.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../../scripts/lib/child.mjs'
import { fencedBlocks } from '../../scripts/lib/markdown.mjs'
import { openRedis } from '../../scripts/lib/private-redis.mjs'
import { publicPackages } from '../../scripts/lib/public-packages.mjs'
import { root } from '../../scripts/lib/root.mjs'
import { capture } from '../../scripts/lib/run.mjs'
import { ScriptError } from '../../scripts/lib/script.mjs'
import { step } from '../../scripts/lib/step.mjs'

const GUIDE = 'docs/quick-start.md'
const OUTPUT_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 15_000
const WHERE = 'the folder is now '

export async function followQuickStart(tarballs, folder) {
  mkdirSync(folder)
  const redis = await openRedis({ install: true, appendOnly: true })
  const ports = await freePorts(3)
  const toOurs = (text) => text.replaceAll(/\b300([123])\b/g, (_, digit) => `${ports[digit - 1]}`)
  const walk = {
    cwd: folder,
    env: {
      ...process.env,
      REDIS_URL: redis.url,
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
    },
    packed: (text) => withTarballs(text, tarballs),
    running: [],
    printed: undefined,
  }
  try {
    for (const block of fencedBlocks(readFileSync(join(root, GUIDE), 'utf8'))) {
      const code = toOurs(block.code).trimEnd()
      await follow(walk, { ...block, code })
    }
    await step('stop, as Ctrl-C does', async () => {
      const ends = await Promise.all(walk.running.map((child) => child.stop(STOP_TIMEOUT_MS)))
      const codes = ends.map(({ code, signal }) => code ?? signal).join(', ')
      if (codes !== 'SIGKILL, 0, 0, 0') throw new ScriptError(`The instances ended with ${codes}.`)
    })
  } finally {
    for (const child of walk.running) child.signal('SIGKILL')
    await redis.stop()
  }
}

/** Does what one block says. */
async function follow(walk, { language, info, code, line }) {
  const where = `${GUIDE}:${line}`
  if (info === 'by-hand') return
  if (info === 'output') return compareOutput(await walk.printed(code.split('\n').length), code, where)
  if (language === 'sh' && info === 'background') return startInBackground(walk, code)
  if (language === 'sh' && info === '') return runCommands(walk, code, where)
  if (language === 'js' && info !== '') return writeFileSync(join(walk.cwd, info), `${code}\n`)
  throw new ScriptError(`${where}: nobody knows what to do with \`\`\`${language} ${info}`)
}

function startInBackground(walk, code) {
  const lines = []
  const child = startChild('bash', ['-c', `exec ${code}`], {
    cwd: walk.cwd,
    env: walk.env,
    onLine: (text) => lines.push(text),
  })
  walk.running.push(child)
  walk.printed = async (count) => {
    const deadlineMs = performance.now() + OUTPUT_TIMEOUT_MS
    while (lines.length < count && !child.hasEnded() && performance.now() < deadlineMs) await sleep(10)
    return lines
  }
}

function runCommands(walk, code, where) {
  return step(code.split('\n').at(-1), async () => {
    const script = `set -e\n${walk.packed(code)}\necho\necho "${WHERE}$PWD"`
    const { code: exitCode, output } = await capture('bash', ['-c', script], { cwd: walk.cwd, env: walk.env })
    if (exitCode !== 0) throw new ScriptError(`${where}: exit code ${exitCode}\n${output}`)
    const [printed, cwd] = output.trimEnd().split(WHERE)
    walk.cwd = cwd
    walk.printed = async () => printed.replaceAll('\r', '').trim().split('\n')
  })
}

function compareOutput(printed, expected, where) {
  const patterns = expected.split('\n').map((text) => {
    const quoted = text.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${quoted.join('.+')}$`)
  })
  const fits =
    printed.length === patterns.length && patterns.every((pattern, at) => pattern.test(printed[at]))
  if (!fits) throw new ScriptError(`${where}: the guide says\n${expected}\nand it was\n${printed.join('\n')}`)
}

/** The tarballs of the packages that a command names, and of what these need. */
function withTarballs(command, tarballs) {
  const packages = new Map(publicPackages().map((one) => [one.name, one]))
  const needed = new Set()
  const need = (name) => {
    if (needed.has(name)) return
    needed.add(name)
    const { dependencies, peerDependencies } = packages.get(name).manifest
    for (const other of Object.keys({ ...dependencies, ...peerDependencies }))
      if (packages.has(other)) need(other)
  }
  const rest = command.replaceAll(/@leasehold\/[\w-]+/g, (name) => {
    need(name)
    return ''
  })
  const files = [...needed].map((name) => tarballs.find((path) => path.includes(`/${fileStart(name)}`)))
  return needed.size === 0 ? command : `${rest} ${files.join(' ')}`
}

/** How a tarball's name begins: a version comes next, so that @leasehold/core is not taken for another name that begins so. */
function fileStart(name) {
  const { version } = publicPackages().find((one) => one.name === name).manifest
  return `${name.replace('@', '').replace('/', '-')}-${version}`
}

/** Loopback ports that were free a moment ago, all different. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve, reject) => {
          const server = createServer().once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
