import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { eventually } from '../../support/deadline.js'
import { type OwnedProcess, own } from '../../support/owned-process.js'
import type { Direction } from '../../support/tcp-proxy.js'

/** Nobody has this one. */
const NOBODY = '02:00:00:00:00:01'

/**
 * A network namespace for a server, and links into it, each with addresses of its own. What goes over a link is packets: they
 * can be lost either way, and neither end is told, not even one that connects. It needs root, and goes with its process.
 *
 * Packets are lost by being sent to a hardware address that nobody has, which needs no packet filter.
 */
export class Links {
  readonly #holder: OwnedProcess
  readonly #name = `lh${randomInt(1e6).toString(36)}`
  readonly #net = `10.${randomInt(128, 255)}.${randomInt(255)}`

  private constructor(holder: OwnedProcess) {
    this.#holder = holder
  }

  /** Makes the namespace, and so many links; number 0 is for whoever looks on. */
  static async open(count: number): Promise<Links> {
    const holder = await own('unshare', ['--net', 'sleep', 'infinity'])
    const links = new Links(holder)
    const netOf = (pid: number | string) => readlinkSync(`/proc/${pid}/ns/net`)
    await eventually(() => netOf(holder.pid) !== netOf('self'), { message: 'a network namespace' })
    links.#inside('link', 'set', 'lo', 'up')
    for (let link = 0; link < count; link++) links.#add(link)
    return links
  }

  /** Runs a command in the namespace. */
  get enter(): readonly string[] {
    return ['nsenter', '--target', String(this.#holder.pid), '--net']
  }

  /** The server's address at the end of a link. */
  hostOf(link: number): string {
    return `${this.#net}.${4 * link + 2}`
  }

  /** Loses all packets of a link in these directions, until `heal`. */
  lose(link: number, ...directions: readonly Direction[]): void {
    for (const direction of directions) {
      const [run, to, device] = this.#end(link, direction)
      run('neigh', 'replace', to, 'lladdr', NOBODY, 'dev', device, 'nud', 'permanent')
    }
  }

  /** Loses no more. */
  heal(link: number, ...directions: readonly Direction[]): void {
    for (const direction of directions) {
      const [run, to, device] = this.#end(link, direction)
      run('neigh', 'del', to, 'dev', device)
    }
  }

  /** TCP segments that this side has had to send again so far, on whatever link. */
  static sentAgain(): number {
    const [names = [], values = []] = readFileSync('/proc/net/snmp', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('Tcp:'))
      .map((line) => line.split(' '))
    return Number(values[names.indexOf('RetransSegs')])
  }

  /** Ends the namespace; its links go with it. */
  async close(): Promise<void> {
    await this.#holder.kill9()
  }

  #add(link: number): void {
    const [near, far] = [`${this.#name}-${link}`, `in${link}`]
    const pid = String(this.#holder.pid)
    outside('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', pid)
    outside('addr', 'add', `${this.#net}.${4 * link + 1}/30`, 'dev', near)
    this.#inside('addr', 'add', `${this.hostOf(link)}/30`, 'dev', far)
    outside('link', 'set', near, 'up')
    this.#inside('link', 'set', far, 'up')
  }

  /** Whoever sends in this direction: how to set its end up, whom it sends to, and by what. */
  #end(link: number, direction: Direction): [run: (...args: string[]) => void, to: string, device: string] {
    return direction === 'toServer'
      ? [outside, this.hostOf(link), `${this.#name}-${link}`]
      : [(...args) => this.#inside(...args), `${this.#net}.${4 * link + 1}`, `in${link}`]
  }

  #inside(...args: string[]): void {
    const [command = '', ...enter] = this.enter
    execFileSync(command, [...enter, 'ip', ...args])
  }
}

function outside(...args: string[]): void {
  execFileSync('ip', args)
}
