import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const TEXT = readFileSync(join(__dirname, '../../docs/security.md'), 'utf8')

/** An `ACL SETUSER` as the documentation has it. */
export interface DocumentedAcl {
  /** The arguments behind `ACL SETUSER`, as a shell would pass them. */
  readonly args: readonly string[]
  readonly user: string
  readonly password: string
  /** Commands that it allows; a subcommand stands behind a bar. */
  readonly commands: readonly string[]
}

/** Reads a block of docs/security.md: what users are told to run is what the tests run. */
export function documentedAcl(name: 'log' | 'elect' | 'lease'): DocumentedAcl {
  const block = new RegExp(`^\`\`\`sh acl=${name}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(TEXT)?.[1] ?? ''
  const words = block
    .replaceAll('\\\n', ' ')
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/^'(.*)'$/, '$1'))
  const [cli, acl, setUser, ...args] = words
  if (`${cli} ${acl} ${setUser}` !== 'redis-cli ACL SETUSER') throw new Error(`No ACL named ${name}`)
  return {
    args,
    user: args[0] ?? '',
    password: args.find((arg) => arg.startsWith('>'))?.slice(1) ?? '',
    commands: args.filter((arg) => arg.startsWith('+')).map((arg) => arg.slice(1)),
  }
}

/** The commands that the documentation says may be left out. */
export function optionalCommands(): string[] {
  const table = TEXT.slice(TEXT.indexOf('| may be left out |'))
  return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, command = '']) => command.replace('\\|', '|'))
}
