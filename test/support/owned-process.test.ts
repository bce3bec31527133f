import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transformFileSync } from '@swc/core'
import { eventually } from './deadline.js'
import { type OwnedProcess, own } from './owned-process.js'

const NODE = process.execPath
/** Prints a line for every line it gets. */
const ECHO = `require('readline').createInterface({ input: process.stdin }).on('line', (line) => console.log(line))`

const started: OwnedProcess[] = []

/** As `own`, but remembered for the end of the test. */
async function start(...args: Parameters<typeof own>): Promise<OwnedProcess> {
  const owned = await own(...args)
  started.push(owned)
  return owned
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((owned) => owned.kill9()))
})

it('hands over lines, output, exit code and environment', async () => {
  const lines: string[] = []
  const program = `console.log('one'); console.log(process.env.WORD); console.error('bad'); process.exitCode = 3`
  const owned = await start(NODE, ['--eval', program], {
    env: { WORD: 'two' },
    onLine: (line) => lines.push(line),
  })
  expect(await owned.exited).toEqual({ code: 3, signal: null })
  await owned.closed
  expect(lines).toEqual(['one', 'two'])
  expect(owned.stdout()).toBe('one\ntwo\n')
  expect(owned.stderr()).toBe('bad\n')
  expect(owned.running).toBe(false)
})

it('rejects when the command cannot be run', async () => {
  await expect(own('no-such-command', [])).rejects.toThrow('ENOENT')
})

it('kills and terminates', async () => {
  const killed = await start('sleep', ['60'])
  expect(killed.running).toBe(true)
  expect(await killed.kill9()).toEqual({ code: null, signal: 'SIGKILL' })
  const terminated = await start('sleep', ['60'])
  expect(await terminated.terminate()).toEqual({ code: null, signal: 'SIGTERM' })
})

it('pauses a process so that it runs nothing until it is resumed', async () => {
  const lines: string[] = []
  const owned = await start(NODE, ['--eval', ECHO], { onLine: (line) => lines.push(line) })
  owned.stdin.write('before\n')
  await eventually(() => lines.length === 1)

  await owned.pause()
  owned.stdin.write('during\n')
  expect(stateOf(owned.pid)).toBe('T')
  expect(lines).toEqual(['before'])

  owned.resume()
  await eventually(() => lines.length === 2)
  expect(lines).toEqual(['before', 'during'])
})

it('kills a paused process', async () => {
  const owned = await start('sleep', ['60'])
  await owned.pause()
  expect(await owned.kill9()).toEqual({ code: null, signal: 'SIGKILL' })
})

it('ends a child whose parent was killed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'leasehold-guard-'))
  try {
    for (const name of ['owned-process', 'deadline']) {
      const compiled = transformFileSync(join(__dirname, `${name}.ts`), {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
      })
      writeFileSync(join(dir, `${name}.js`), compiled.code)
    }
    const parent = await start(NODE, [
      '--eval',
      `require(${JSON.stringify(join(dir, 'owned-process.js'))}).own('sleep', ['60']).then(({ pid }) => console.log(pid))`,
    ])
    const child = await eventually(() => Number(parent.stdout()))
    expect(stateOf(child)).toBe('S')
    await parent.kill9()
    await eventually(() => ['gone', 'Z'].includes(stateOf(child)), { message: 'the child to end' })
  } finally {
    rmSync(dir, { recursive: true })
  }
})

it('leaves no guard behind', async () => {
  const owned = await start('sleep', ['60'])
  expect(await eventually(() => guardsOf(owned.pid).length)).toBe(1)
  await owned.kill9()
  expect(await eventually(() => guardsOf(owned.pid).length === 0)).toBe(true)
})

/** The shells that wait for this process's parent to end. */
function guardsOf(pid: number): string[] {
  const commands = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n')
  return commands.filter((command) => command.includes('kill -9') && command.endsWith(`guard ${pid}`))
}

/** The kernel's letter for what a process does: S sleeps, T is stopped, Z has ended. */
function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.charAt(0) ?? ''
  } catch {
    return 'gone'
  }
}
