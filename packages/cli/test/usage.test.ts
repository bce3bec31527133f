import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COMMANDS } from '../src/commands/index.js'
import { EXIT_CODE_MEANINGS } from '../src/exit-codes.js'
import { commandHelp } from '../src/help.js'
import { main } from '../src/main.js'
import { BIN, leasehold, run } from './cli.js'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leasehold-cli-'))
})
afterEach(() => jest.restoreAllMocks())
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The program in this process: to start one takes longer than all that it does without Redis. */
async function inProcess(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const texts = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    jest.spyOn(process[stream], 'write').mockImplementation((text) => {
      texts[stream] += String(text)
      return true
    })
  }
  const code = await main(args, '1.2.3')
  jest.restoreAllMocks()
  return { code, out: texts.stdout, err: texts.stderr }
}

it('says its version, its commands and its exit codes', async () => {
  const { version } = JSON.parse(readFileSync(join(BIN, '../../package.json'), 'utf8')) as { version: string }
  expect(await leasehold(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
  const { code, out } = await inProcess('--help')
  expect(code).toBe(0)
  for (const { name, summary } of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'))
  for (const [number, meaning] of EXIT_CODE_MEANINGS) expect(out).toContain(`${number}`.padEnd(4) + meaning)
})

it.each(COMMANDS)('$name has help with all its options', async (command) => {
  expect(await inProcess(command.name, '--help')).toEqual({
    code: 0,
    out: `${commandHelp(command)}\n`,
    err: '',
  })
  for (const { name } of command.flags) expect(commandHelp(command)).toContain(`--${name}`)
})

it('ends with the code that it says: a command line that is wrong', async () => {
  const { code, out, err } = await leasehold(['nonsense'])
  expect({ code, out }).toEqual({ code: 64, out: '' })
  expect(err).toContain('There is no command "nonsense"')
})

it.each([
  [[], 'Name a command'],
  [['status', '--bogus'], "Unknown option '--bogus'"],
  [['status', '--to', 'b'], 'leasehold status has no option --to'],
  [['status', 'bank'], 'does not know what to do with "bank"'],
  [['status', '--watch=never'], '--watch never is not a time'],
  [['pause', '--for', '0'], '--for 0 is not a time'],
  [['log', '--from', '0'], '--from 0 is not a whole number from 1 on'],
  [['switchover'], 'Say so: --yes'],
  [['completion', 'tcsh'], 'needs the name of a shell'],
  [['status', '-g', 'a b'], 'group is "a b"'],
  [['status', '-g', 'a', '--redis', 'redis+sentinel://:hush@h:1'], 'ends with the name of the set'],
  [['status', '-g', 'a', '--redis', 'redis+cluster://:hush@h:x'], 'is not a host, or host:port'],
  [['status', '-g', 'a', '--redis', 'nonsense://:hush@h'], 'redis must be'],
  [['status', '-g', 'a', '--tls-ca', '/nowhere', '--redis', 'rediss://:hush@h'], '--tls-ca: ENOENT'],
])('%j is wrong: 64', async (args, why) => {
  const { code, out, err } = await inProcess(...args)
  expect({ code, out }).toEqual({ code: 64, out: '' })
  expect(err).toContain(why)
  expect(err).not.toContain('hush')
})

it('errors are JSON with --json', async () => {
  const { code, err } = await inProcess('status', '--json', '-g', 'a', '--redis', 'redis://127.0.0.1:1')
  expect(code).toBe(69)
  expect(JSON.parse(err)).toEqual({ error: { code: 'REDIS_UNREACHABLE', message: expect.any(String) } })
})

describe('completion', () => {
  it('bash takes it, and completes commands, options and words', async () => {
    const file = join(folder, 'completion.bash')
    await writeFile(file, (await inProcess('completion', 'bash')).out)
    expect(await run('bash', ['-n', file])).toEqual({ code: 0, out: '', err: '' })
    const complete = async (...words: string[]) => {
      const line = words.map((word) => `'${word}'`).join(' ')
      const set = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}`
      const print = `printf '%s\\n' "\${COMPREPLY[@]}"`
      const { out } = await run('bash', ['-c', `source '${file}'; ${set}; _leasehold; ${print}`])
      return out.trimEnd().split('\n').toSorted()
    }
    expect(await complete('leasehold', 'sw')).toEqual(['switchover'])
    expect(await complete('leasehold', 'switchover', '--t')).toEqual([
      '--timeout',
      '--tls-ca',
      '--tls-cert',
      '--tls-key',
      '--to',
    ])
    expect(await complete('leasehold', '-g', 'bank', 'pau')).toEqual(['pause'])
    expect(await complete('leasehold', 'pause', '--fo')).toEqual(['--for'])
    expect(await complete('leasehold', 'completion', 'z')).toEqual(['zsh'])
    expect(await complete('leasehold', 'status', '--group', '')).toEqual([''])
    expect(await complete('leasehold', '')).toEqual(expect.arrayContaining(COMMANDS.map(({ name }) => name)))
  })

  it.each(['zsh', 'fish'])('%s has every command and option in it', async (shell) => {
    const { out } = await inProcess('completion', shell)
    for (const { name, flags } of COMMANDS) {
      expect(out).toContain(name)
      for (const flag of flags) expect(out).toContain(flag.name)
    }
  })
})
