import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './child.mjs'
import { guard } from './guard.mjs'
import { findRedis } from './redis.mjs'
import { ScriptError } from './script.mjs'
import { step } from './step.mjs'

const DOCKER_IMAGE = 'redis:7.4'
// Docker may have to fetch the image first.
const START_TIMEOUT_MS = { binary: 10_000, docker: 300_000 }
const STOP_TIMEOUT_MS = 5000
const POLL_MS = 5

/** A loopback port that was free a moment ago. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** What the server at this port says of itself; empty while nothing answers. */
function serverInfo(port) {
  return new Promise((resolve) => {
    let info = ''
    const socket = connect(port, '127.0.0.1', () => socket.write('INFO server\r\nQUIT\r\n'))
    socket.setEncoding('utf8').setTimeout(1000, () => socket.destroy())
    socket.on('data', (text) => {
      info += text
    })
    socket.once('error', () => resolve(''))
    socket.once('close', () => resolve(info))
  })
}

function commandFor(found, port, folder, appendOnly) {
  const settings = ['--save', '', '--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', 'everysec']
  if (found.kind === 'binary') {
    return [found.path, ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, ...settings]]
  }
  const publish = ['--name', containerName(port), '--publish', `127.0.0.1:${port}:6379`]
  return ['docker', ['run', '--rm', ...publish, DOCKER_IMAGE, 'redis-server', ...settings]]
}

function containerName(port) {
  return `leasehold-redis-${port}`
}

async function untilReady(server, port, kind) {
  // The process id tells our server from another one that took the port in between.
  const expected = kind === 'binary' ? `process_id:${server.pid}\r` : 'process_id:'
  const deadlineMs = performance.now() + START_TIMEOUT_MS[kind]
  while (!(await serverInfo(port)).includes(expected)) {
    if (server.hasEnded() || performance.now() > deadlineMs) {
      throw new ScriptError(`The private Redis did not start:\n${server.recentOutput()}`)
    }
    await sleep(POLL_MS)
  }
}

/**
 * Starts a Redis of our own from what findRedis() found ('binary' or 'docker'): on a free loopback port, its data
 * in a temporary folder. Process and folder are gone after stop(), and at the latest when this script is.
 */
export async function startPrivateRedis(found, { appendOnly = false } = {}) {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-redis-'))
  const releases = [guard({ folder })]
  if (found.kind === 'docker') releases.push(guard({ container: containerName(port) }))
  const [command, args] = commandFor(found, port, folder, appendOnly)
  const server = startChild(command, args, { env: { ...process.env, ...found.env } })
  const stop = async () => {
    await server.stop(STOP_TIMEOUT_MS)
    rmSync(folder, { recursive: true, force: true })
    for (const release of releases) release()
  }
  try {
    await untilReady(server, port, found.kind)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `redis://127.0.0.1:${port}`, port, pid: server.pid, folder, ended: server.ended, stop }
}

/** Finds a Redis and, unless it is one that runs already, starts a private one. Resolves to { url, isPrivate, stop }. */
export async function openRedis({ install, appendOnly } = {}) {
  const found = await findRedis({ install })
  if (found.kind === 'url') return { url: found.url, isPrivate: false, stop: async () => {} }
  return step('start a private Redis', async (say) => {
    const redis = await startPrivateRedis(found, { appendOnly })
    say(redis.url)
    return { ...redis, isPrivate: true }
  })
}
