import { transformSync } from '@swc/core'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../../../test/support/deadline.js'
import { freePort } from '../../../test/support/free-port.js'
import { own } from '../../../test/support/owned-process.js'
import { startRedis } from '../../../test/support/redis-server.js'
import { stopAll } from '../../../test/support/stop-all.js'
import { postJson, send } from '../../express-adapter/test/support/http-client.js'

const ROOT = join(__dirname, '../../..')
const PAGE = readFileSync(join(ROOT, 'docs/fastify.md'), 'utf8')
const APP = /^```ts runnable\n([\s\S]*?)^```/m.exec(PAGE)?.[1] as string

/** Inside of the package, so that the app finds the packages as a user's app would. */
const dir = mkdtempSync(join(__dirname, '.docs-'))

afterAll(async () => {
  await stopAll()
  rmSync(dir, { recursive: true, force: true })
})

test('the app in docs/fastify.md compiles against the published types', async () => {
  writeFileSync(join(dir, 'app.mts'), APP)
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    noEmit: true,
    types: ['node'],
    skipLibCheck: true,
  }
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['app.mts'] }))
  const tsc = await own(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', dir])
  const { code } = await tsc.exited
  expect({ code, output: tsc.stdout() }).toEqual({ code: 0, output: '' })
})

test('the app in docs/fastify.md runs, answers, and stops on SIGTERM', async () => {
  const redis = await startRedis({ appendOnly: 'everysec' })
  const port = await freePort()
  const { code } = transformSync(APP, { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } })
  writeFileSync(join(dir, 'app.mjs'), code)
  const app = await own(process.execPath, [join(dir, 'app.mjs')], {
    env: { PORT: String(port), REDIS_URL: redis.url },
  })
  await eventually(() => app.stdout().includes('is leader'), { message: 'the app to lead' })

  const account = `http://127.0.0.1:${port}/accounts/ada`
  expect(await postJson(`${account}/deposits`, { amount: 5 })).toMatchObject({ json: { balance: 5 } })
  expect(await send(account)).toMatchObject({ status: 200, json: { balance: 5 } })
  expect(await app.terminate()).toMatchObject({ code: 0 })
  expect(app.stderr()).toBe('')
})
