import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram, stopAllPrograms } from './program.js'

const ADDER = `
  import { onMessage, send } from './support/program-port.mjs'
  onMessage(({ id, add }) => send({ id, sum: add[0] + add[1] }))
  send({ ready: true, word: process.env.WORD })
`

afterEach(stopAllPrograms)

it('exchanges messages with a program given as text', async () => {
  const program = await startProgram(ADDER, { env: { WORD: 'hello' } })
  expect(await program.next()).toEqual({ ready: true, word: 'hello' })
  program.send({ id: 1, add: [1, 2] })
  program.send({ id: 2, add: [3, 4] })
  expect(await program.next(({ id }) => id === 2)).toEqual({ id: 2, sum: 7 })
  expect(await program.next<{ id: number; sum: number }>()).toEqual({ id: 1, sum: 3 })
})

it('runs a file, with arguments for Node', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'leasehold-program-'))
  try {
    const file = join(dir, 'program.mjs')
    await writeFile(
      file,
      `console.log('just logging'); console.log(JSON.stringify({ args: process.execArgv }))`,
    )
    const program = await startProgram({ file }, { nodeArgs: ['--no-warnings'] })
    expect(await program.next()).toEqual({ args: ['--no-warnings'] })
    expect(await program.exited).toEqual({ code: 0, signal: null })
  } finally {
    await rm(dir, { recursive: true })
  }
})

it('finds the packages of the workspace', async () => {
  const program = await startProgram(`
    import { send } from './support/program-port.mjs'
    send({ found: import.meta.resolve('@leasehold/core/package.json') })
  `)
  const { found } = await program.next<{ found: string }>()
  expect(found).toMatch(/packages\/core\/package\.json$/)
})

it('stands still while it is paused', async () => {
  const program = await startProgram(ADDER)
  await program.next()
  await program.pause()
  program.send({ id: 1, add: [1, 2] })
  await expect(program.next(undefined, 50)).rejects.toThrow('Waited 50 ms for a message')
  program.resume()
  expect(await program.next()).toEqual({ id: 1, sum: 3 })
})

it('kills and terminates', async () => {
  const [killed, terminated] = await Promise.all([startProgram(ADDER), startProgram(ADDER)])
  expect(await killed.kill9()).toEqual({ code: null, signal: 'SIGKILL' })
  killed.send({ id: 1, add: [1, 2] })
  await terminated.next()
  expect(await terminated.terminate()).toEqual({ code: null, signal: 'SIGTERM' })
})

it('tells who waits why the program ended, after its last message', async () => {
  const program = await startProgram(`
    import { send } from './support/program-port.mjs'
    send({ last: 'word' })
    throw new Error('out of luck')
  `)
  await program.exited
  expect(await program.next()).toEqual({ last: 'word' })
  await expect(program.next()).rejects.toThrow('out of luck')
  expect(program.stderr()).toContain('out of luck')
})

it('is over when all programs are stopped', async () => {
  const program = await startProgram(ADDER)
  await program.pause()
  await stopAllPrograms()
  expect(await program.exited).toEqual({ code: null, signal: 'SIGKILL' })
})
