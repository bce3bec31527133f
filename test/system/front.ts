import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/deadline.js'
import { freePort } from '../support/free-port.js'
import { type OwnedProcess, own } from '../support/owned-process.js'

const DEPLOY = join(__dirname, '../../deploy')
/** How the files that users get name their three instances. */
const ADDRESSES = ['10.0.0.11:3000', '10.0.0.12:3000', '10.0.0.13:3000']

/** A load balancer that runs with one of the files in `deploy/`. */
export interface Front {
  readonly url: string
  /** The lines of its log that tell of requests which it sent to more than one server. */
  sentAgain(): Promise<string[]>
}

/** A file in `deploy/`, how its port is written there, and how its program is run with it. */
interface Kind {
  readonly program: string
  readonly port: string
  listen(address: string): string
  args(file: string, dir: string): string[]
  /** A line of its log about a request that it sent to more than one server. */
  readonly again: RegExp
}

const HAPROXY: Kind = {
  program: process.env['HAPROXY_BIN'] ?? 'haproxy',
  port: 'bind :8080',
  listen: (address) => `bind ${address}`,
  args: (file) => ['-db', '-f', file],
  again: /\/\+?[1-9]\d* \d+\/\d+ "/, // …/retries srv_queue/backend_queue "request"
}
const NGINX: Kind = {
  program: process.env['NGINX_BIN'] ?? 'nginx',
  port: 'listen 8080;',
  listen: (address) => `listen ${address};`,
  // One process, so that none is left behind when it is killed.
  args: (file, dir) => [
    ...['-e', 'stderr', '-c', file],
    ...['-g', `daemon off; master_process off; pid ${join(dir, 'nginx.pid')};`],
  ],
  again: /\d, 127\.0\.0\.1:\d/, // two addresses
}

const running = new Map<OwnedProcess, string>()

/**
 * Starts a load balancer in front of three instances, with the very file that users get but for addresses and logs.
 *
 * @param without what to leave out, to see what it is there for
 */
export async function startFront(
  file: string,
  urls: readonly string[],
  without: readonly (string | RegExp)[] = [],
): Promise<Front> {
  const dir = await mkdtemp(join(tmpdir(), 'leasehold-front-'))
  const kind = file.startsWith('nginx/') ? NGINX : HAPROXY
  const address = `127.0.0.1:${await freePort()}`
  const access = join(dir, 'access.log')
  let text = await readFile(join(DEPLOY, file), 'utf8')
  text = replaceAll(text, kind.port, kind.listen(address))
  for (const [n, place] of ADDRESSES.entries()) text = replaceAll(text, place, new URL(urls[n] ?? '').host)
  for (const what of without) {
    const shorter = text.replace(what, '')
    if (shorter === text) throw new Error(`The file does not have ${what}`)
    text = shorter
  }
  if (kind === NGINX) text = replaceAll(text, '/var/log/nginx/access.log', access)
  const copy = join(dir, 'front.conf')
  await writeFile(copy, text)
  const lines: string[] = []
  const onLine = (line: string) => void lines.push(line)
  const owned = await own(kind.program, kind.args(copy, dir), { cwd: dir, onLine })
  running.set(owned, dir)
  const url = `http://${address}`
  await eventually(
    async () => {
      if (!owned.running) return true
      return (await fetch(`${url}/cluster/status`)).status === 403
    },
    { message: `${file} to serve` },
  )
  if (!owned.running) throw new Error(`${kind.program} has ended: ${owned.stdout()}${owned.stderr()}`)
  return {
    url,
    sentAgain: async () => {
      const log = kind === NGINX ? (await readFile(access, 'utf8')).split('\n') : lines
      return log.filter((line) => kind.again.test(line))
    },
  }
}

/** Stops every load balancer that this test file has started. */
export async function stopFronts(): Promise<void> {
  await Promise.all(
    [...running].map(async ([owned, dir]) => {
      await owned.kill9()
      await rm(dir, { recursive: true, force: true })
    }),
  )
  running.clear()
}

function replaceAll(text: string, what: string, by: string): string {
  if (!text.includes(what)) throw new Error(`The file does not have "${what}"`)
  return text.replaceAll(what, by)
}
