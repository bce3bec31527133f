import { transformSync } from '@swc/core'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './support/deadline.js'
import { freePort } from './support/free-port.js'
import { own } from './support/owned-process.js'
import { startRedis } from './support/redis-server.js'
import { stopAll } from './support/stop-all.js'

const ROOT = join(__dirname, '..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const APP = /^```ts runnable\n([\s\S]*?)^```/m.exec(README)?.[1] as string

/** Inside `test`, so that the app finds the packages as a user's app would. */
const dir = mkdtempSync(join(__dirname, '.readme-'))

afterAll(async () => {
  await stopAll()
  rmSync(dir, { recursive: true, force: true })
})

test('the app in the README compiles against the published types', async () => {
  writeFileSync(join(dir, 'app.mts'), APP)
  writeFileSync(
    join(dir, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2022',
        strict: true,
        noEmit: true,
        types: ['node'],
        skipLibCheck: true,
      },
      include: ['app.mts'],
    }),
  )
  const tsc = await own(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', dir])
  const { code } = await tsc.exited
  expect({ code, output: tsc.stdout() }).toEqual({ code: 0, output: '' })
})

test('the app in the README runs, answers, and stops on SIGTERM', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const port = await freePort()
  const { code: program } = transformSync(APP, {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  })
  writeFileSync(join(dir, 'app.mjs'), program)
  const app = await own(process.execPath, [join(dir, 'app.mjs')], {
    env: { PORT: String(port), REDIS_URL: redis.url },
  })
  await eventually(() => app.stdout().includes('is leader'), { message: 'the app to lead' })

  const account = `http://127.0.0.1:${port}/accounts/ada`
  const deposit = await fetch(`${account}/deposits`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ amount: 5 }),
  })
  expect([deposit.status, await deposit.json()]).toEqual([201, { balance: 5 }])
  expect(await (await fetch(account)).json()).toEqual({ balance: 5 })

  expect(await app.terminate()).toEqual({ code: 0, signal: null })
})
