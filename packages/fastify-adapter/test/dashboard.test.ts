import { postJson, send } from '../../express-adapter/test/support/http-client.js'
import { closeApps, start } from './support/apps.js'

afterEach(closeApps)

const prefix = '/ops/cluster'

test('the dashboard is below the prefix, with the slash at its end', async () => {
  const { url } = await start('me', { cluster: { prefix } })
  const { status, headers } = await send(`${url}${prefix}?full=1`)
  expect({ status, location: headers.location }).toEqual({ status: 302, location: './cluster/?full=1' })
  const page = await send(`${url}${prefix}/`)
  expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  for (const [, address = ''] of page.text.matchAll(/(?:src|href)="([\w.-]+)"/g))
    expect({ address, status: (await send(`${url}${prefix}/${address}`)).status }).toEqual({
      address,
      status: 200,
    })
  const off = await start('me', { cluster: { prefix, dashboard: false } })
  expect((await send(`${off.url}${prefix}/`)).headers['content-type']).not.toContain('html')
})

test('authorize says what it offers; a page of another site may nothing', async () => {
  const { node, url } = await start('me', {
    cluster: { authorize: (request) => request.headers.cookie === 'operator=yes' },
  })
  const headers = { cookie: 'operator=yes' }
  expect((await send(`${url}/cluster/permissions`)).json).toEqual({ steer: false, closed: false })
  expect((await send(`${url}/cluster/permissions`, { headers })).json).toEqual({ steer: true, closed: false })
  const foreign = { ...headers, origin: 'https://evil.example' }
  expect(await postJson(`${url}/cluster/pause`, {}, foreign)).toMatchObject({
    status: 403,
    json: { error: { code: 'CROSS_SITE' } },
  })
  expect(node.steered).toEqual([])
  expect((await postJson(`${url}/cluster/pause`, {}, headers)).status).toBe(200)
})
