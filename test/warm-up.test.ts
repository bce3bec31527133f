import { stopAll } from './support/stop-all.js'
import { startProgram } from './support/program.js'

afterAll(stopAll)

/** An app that has mounted routeWrites, and has served nothing. */
const APP = `
  import Module from 'node:module'
  import { setTimeout as sleep } from 'node:timers/promises'
  import { send } from './support/program-port.mjs'
  import { createNode } from '@leasehold/core'
  import { routeWrites } from '@leasehold/express'
  const isLoaded = () => Object.keys(Module._cache).some((file) => /iconv-lite.encodings.index/.test(file))
  const before = isLoaded()
  routeWrites(createNode({ group: 'g', redis: 'redis://127.0.0.1:1' }))
  const deadline = Date.now() + 10_000
  while (!isLoaded() && Date.now() < deadline) await sleep(5)
  send({ before, after: isLoaded() })`

it('what Express loads with its first body is there before an instance leads', async () => {
  const program = await startProgram(APP)
  expect(await program.next()).toEqual({ before: false, after: true })
  expect(await program.exited).toEqual({ code: 0, signal: null })
})
