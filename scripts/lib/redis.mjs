import { basename } from 'node:path'
import { extractedServer, installServer } from './redis-install.mjs'
import { capture, isProgram, onPath } from './run.mjs'
import { ScriptError, typedCommand } from './script.mjs'
import { note, step } from './step.mjs'

const EX_UNAVAILABLE = 69
const NEEDED = { Redis: [7, 0], Valkey: [7, 2] }
const NEEDED_TEXT = 'Needs Redis >= 7.0 or Valkey >= 7.2.'
// A client whose engine hangs must not hang the search as well.
const DOCKER_TIMEOUT_MS = 5000

/** Reads `redis-server --version`: { product, version, isEnough }, or undefined if it is no such program. */
export async function serverVersion(path, env = {}) {
  const { code, output } = await capture(path, ['--version'], { env: { ...process.env, ...env } })
  const match = /\bv=((\d+)\.(\d+)\.\d+)/.exec(output)
  if (code !== 0 || !match) return undefined
  const product = /valkey/i.test(output) || basename(path).startsWith('valkey') ? 'Valkey' : 'Redis'
  const [, version, major, minor] = match
  const [neededMajor, neededMinor] = NEEDED[product]
  const isEnough = major > neededMajor || (Number(major) === neededMajor && minor >= neededMinor)
  return { product, version, isEnough }
}

/** The candidate with its version, or undefined after telling why it will not do. */
async function usable({ path, env = {}, source }) {
  if (!isProgram(path)) {
    note(`  ! ${source} ${path} is not a program; looking on`)
    return undefined
  }
  const found = await serverVersion(path, env)
  if (!found) {
    note(`  ! ${source} ${path} does not answer --version as a Redis does; looking on`)
    return undefined
  }
  if (!found.isEnough) {
    note(`  ! ${source} ${path} is ${found.product} ${found.version}, too old. ${NEEDED_TEXT} Looking on`)
    return undefined
  }
  return { kind: 'binary', path, env, description: `${found.product} ${found.version}, ${path}` }
}

function candidates() {
  const { REDIS_SERVER_BIN } = process.env
  const inPath = ['redis-server', 'valkey-server'].map((name) => ({ source: 'PATH:', path: onPath(name) }))
  const extracted = extractedServer()
  return [
    { source: 'REDIS_SERVER_BIN', path: REDIS_SERVER_BIN },
    ...inPath,
    { source: 'Cache:', path: extracted?.path, env: extracted?.env },
  ].filter(({ path }) => path)
}

async function findBinary(install) {
  for (const candidate of candidates()) {
    const found = await usable(candidate)
    if (found) return found
  }
  const installed = await installServer(install)
  return installed && usable({ source: 'Installed', ...installed })
}

async function dockerAnswers() {
  const { code } = await capture('docker', ['info'], { timeout: DOCKER_TIMEOUT_MS })
  return code === 0
}

function notFound(needsBinary) {
  const { command, withOption } = typedCommand()
  const lookedFor = 'REDIS_SERVER_BIN, redis-server and valkey-server on PATH'
  const ways = [
    '`sudo apt-get install redis-server` (Debian, Ubuntu)',
    '`brew install redis` (macOS)',
    `or \`${withOption}--install\` to let this script do it.`,
  ]
  if (needsBinary) {
    // The tests start, kill and wipe servers of their own: nobody's running Redis is touched by them.
    const own = `\`REDIS_SERVER_BIN=/path/to/redis-server ${command}\``
    return `No Redis server program found. Looked for: ${lookedFor}. Do one of: ${[own, ...ways].join(' · ')} ${NEEDED_TEXT}`
  }
  ways.unshift(`\`REDIS_URL=redis://host:6379 ${command}\``)
  ways.splice(-1, 0, '`docker compose up -d redis`')
  return `No Redis found. Looked for: REDIS_URL, ${lookedFor}, a running Docker. Do one of: ${ways.join(' · ')} ${NEEDED_TEXT}`
}

/**
 * Finds a Redis in this order: REDIS_URL, REDIS_SERVER_BIN, PATH, the system's package manager, Docker.
 * Returns { kind: 'url', url } for one that runs already (it is used as it is and never flushed),
 * { kind: 'binary', path, env } or { kind: 'docker' } for one to start privately.
 */
export function findRedis({ install = false, needsBinary = false } = {}) {
  return step('find Redis', async (say) => {
    const url = process.env.REDIS_URL
    if (url && !needsBinary) {
      say(`REDIS_URL ${redacted(url)}`)
      return { kind: 'url', url }
    }
    const binary = await findBinary(install)
    if (binary) {
      say(binary.description)
      return binary
    }
    if (!needsBinary && (await dockerAnswers())) {
      say('in Docker')
      return { kind: 'docker' }
    }
    throw new ScriptError(notFound(needsBinary), EX_UNAVAILABLE)
  })
}

function redacted(url) {
  return url.replace(/\/\/[^@/]*@/, '//***@')
}
