import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import multer, { MulterError, type Options } from 'multer'
import { clusterErrors, routeWrites } from '../src/index.js'
import { open, send } from './support/http-client.js'
import { closeAll, elect, EXPRESS, startInstance } from './support/instances.js'
import { until } from './support/until.js'

afterEach(closeAll)

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** A form with files of these sizes, as a browser sends it. */
async function form(...sizes: number[]) {
  const data = new FormData()
  data.append('title', 'Ferien in Köln')
  const files = sizes.map((size) => randomBytes(size))
  for (const [i, bytes] of files.entries()) data.append('photos', new Blob([bytes]), `ü ${i}.jpg`)
  const encoded = new Response(data)
  return {
    headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
    bytes: Buffer.from(await encoded.arrayBuffer()),
    files,
  }
}

describe.each(EXPRESS)('uploads by multer on %s', (_version, express) => {
  const ran: string[] = []
  beforeEach(() => void (ran.length = 0))

  type Order = (routing: RequestHandler, upload: RequestHandler) => RequestHandler[]
  const behind: Order = (routing, upload) => [routing, upload]
  const before: Order = (routing, upload) => [upload, routing]

  const group = async (order: Order, options: Options = {}) => {
    const tooLarge: ErrorRequestHandler = (error, _req, res, next) =>
      error instanceof MulterError ? void res.status(413).send(error.code) : next(error)
    const start = (id: string) =>
      startInstance(express, id, (app, node) => {
        app.use(
          ...order(routeWrites(node.asNode), multer({ defParamCharset: 'utf8', ...options }).array('photos')),
        )
        app.post('/', (req, res) => {
          ran.push(id)
          const files = req.files as Express.Multer.File[] | undefined
          res.json({
            ranOn: id,
            title: (req.body as { title?: string } | undefined)?.title,
            files: files?.map(({ originalname: name, size, buffer }) => ({ name, size, sha: sha(buffer) })),
          })
        })
        app.use(tooLarge, clusterErrors(node.asNode))
      })
    const [leader, follower] = await Promise.all([start('leader'), start('follower')])
    elect(3, leader, follower)
    return { leader, follower }
  }

  test.each([
    ['kept', [10, 0]],
    ['kept', [400_000, 500_000]],
    ['streamed', [3_000_000, 10]],
    ['streamed', [100, 4_000_000]],
  ])('behind routeWrites a form passes, %s on its way: %j', async (_how, sizes) => {
    const { leader, follower } = await group(behind)
    const { headers, bytes, files } = await form(...sizes)
    for (const { url } of [follower, leader]) {
      expect((await send(url, { method: 'POST', headers }, bytes)).json).toEqual({
        ranOn: 'leader',
        title: 'Ferien in Köln',
        files: files.map((file, i) => ({ name: `ü ${i}.jpg`, size: file.length, sha: sha(file) })),
      })
    }
  })

  test('a form without files passes', async () => {
    const { follower } = await group(behind)
    const { headers, bytes } = await form()
    expect((await send(follower.url, { method: 'POST', headers }, bytes)).json).toMatchObject({ files: [] })
  })

  test('a file that is too large is refused by the leader, and the connection carries the next one', async () => {
    const { leader, follower } = await group(behind, { limits: { fileSize: 100_000 } })
    for (const { url } of [follower, leader]) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      for (const size of [200_000, 10, 5_000_000, 10]) {
        const { headers, bytes } = await form(size)
        const { status, text } = await send(url, { method: 'POST', agent, headers }, bytes)
        expect([status, status === 413 ? text : '']).toEqual(
          size > 100_000 ? [413, 'LIMIT_FILE_SIZE'] : [200, ''],
        )
      }
      agent.destroy()
    }
  })

  test.each(['leader', 'follower'] as const)(
    'an upload that breaks off on its way to the %s runs no handler and leaves no file',
    async (to) => {
      const dest = mkdtempSync(join(tmpdir(), 'leasehold-upload-'))
      const instances = await group(behind, { dest })
      const { headers, bytes } = await form(4_000_000)
      const { req } = open(instances[to].url, {
        method: 'POST',
        headers: { ...headers, 'content-length': bytes.length },
      })
      req.write(bytes.subarray(0, 3_000_000))
      await until('the file is being written', () => readdirSync(dest).length === 1)
      req.destroy()
      await until('the file is gone', () => readdirSync(dest).length === 0)
      expect(ran).toEqual([])
      rmSync(dest, { recursive: true })
    },
  )

  test('before routeWrites it takes the files where they arrive: a clear error at a follower', async () => {
    const { leader, follower } = await group(before)
    const { headers, bytes } = await form(10)
    expect(await send(follower.url, { method: 'POST', headers }, bytes)).toMatchObject({
      status: 500,
      json: {
        error: { code: 'BODY_CONSUMED', message: expect.stringContaining('Mount routeWrites before') },
      },
    })
    expect(ran).toEqual([])
    expect(await send(leader.url, { method: 'POST', headers }, bytes)).toMatchObject({ status: 200 })
  })
})
