import express from 'express'
import { clusterRouter, type ClusterRouterOptions } from '../src/index.js'
import { send } from './support/http-client.js'
import { closeAll, EXPRESS, startInstance } from './support/instances.js'

afterEach(closeAll)

describe.each(EXPRESS)('the dashboard on %s', (_version, express) => {
  const start = async (options?: ClusterRouterOptions, path = '/cluster') => {
    const { node, url } = await startInstance(express, 'me', (app, node) => {
      app.use(path, clusterRouter(node.asNode, options))
      app.use((_req, res) => void res.status(404).send('the app'))
    })
    const get = (route: string, headers: Record<string, string> = {}, method = 'GET') =>
      send(`${url}${path}${route}`, { method, headers })
    return { node, get }
  }

  test('is a page that loads nothing but its own files, by relative addresses', async () => {
    const { get } = await start({}, '/ops/cluster')
    const page = await get('/')
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
    const addresses = [...page.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, address = '']) => address)
    const scripts = addresses.filter((address) => address.endsWith('.js'))
    expect(addresses).toEqual(
      expect.arrayContaining(['dashboard.css', 'dashboard.js', 'dashboard.svg', 'status']),
    )
    for (const address of scripts) {
      const { text } = await get(`/${address}`)
      for (const [, name = ''] of text.matchAll(/^import .* from '\.\/([^']+)'/gm))
        if (!scripts.includes(name)) scripts.push(name)
    }
    for (const address of new Set([...addresses, ...scripts])) {
      expect(address).toMatch(/^[\w.-]+$/)
      expect({ address, status: (await get(`/${address}`)).status }).toEqual({ address, status: 200 })
    }
    expect((await get('/dashboard.css')).headers['content-type']).toBe('text/css; charset=utf-8')
    expect((await get('/dashboard.js')).headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect((await get('/types.d.ts')).text).toBe('the app')
  })

  test('allows the browser nothing else', async () => {
    const { get } = await start()
    for (const route of ['/', '/dashboard.js']) {
      const { headers } = await get(route)
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(headers['content-security-policy']).not.toContain('unsafe')
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache' })
    }
  })

  test('is sent once, as long as it stays the same', async () => {
    const { get } = await start()
    const first = await get('/dashboard.css')
    const again = await get('/dashboard.css', { 'if-none-match': `"other", W/${first.headers.etag}` })
    expect(again).toMatchObject({ status: 304, text: '' })
    expect((await get('/dashboard.css', { 'if-none-match': '"other"' })).status).toBe(200)
  })

  test('is at the address with a slash at its end; a redirect says so without knowing what stands before', async () => {
    const { get } = await start({}, '/ops/a:b')
    const { status, headers } = await get('?full=1')
    expect(status).toBe(302)
    expect(headers.location).toBe('./a:b/?full=1')
    const target = new URL(headers.location ?? '', 'https://example.org/team/ops/a:b').href
    expect(target).toBe('https://example.org/team/ops/a:b/?full=1')
    expect((await get('/?full=1')).status).toBe(200)
  })

  test('answers HEAD, and can be turned off', async () => {
    const { get } = await start()
    const head = await get('/', {}, 'HEAD')
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(await get('/', {}, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    const without = await start({ dashboard: false })
    for (const route of ['', '/', '/dashboard.js']) expect((await without.get(route)).text).toBe('the app')
    expect((await without.get('/status')).status).toBe(200)
  })

  test('asks whether it may steer: authorize decides', async () => {
    const closed = await start()
    expect((await closed.get('/permissions')).json).toEqual({ steer: false, closed: true })
    const { get } = await start({ authorize: async (req) => req.get('cookie') === 'operator=yes' })
    expect((await get('/permissions')).json).toEqual({ steer: false, closed: false })
    expect((await get('/permissions', { cookie: 'operator=yes' })).json).toEqual({
      steer: true,
      closed: false,
    })
    const broken = await start({ authorize: () => Promise.reject(new Error('no database')) })
    expect((await broken.get('/permissions')).status).toBe(500)
  })
})

describe('orders from a browser', () => {
  /** An instance whose operators are known by a cookie, which their browser adds to whatever any page sends there. */
  async function operated() {
    const { node, url } = await startInstance(express, 'me', (app, own) => {
      app.use(
        '/cluster',
        clusterRouter(own.asNode, { authorize: (req) => req.get('cookie') === 'operator=yes' }),
      )
    })
    const post = (headers: Record<string, string>) =>
      send(`${url}/cluster/resume`, { method: 'POST', headers: { cookie: 'operator=yes', ...headers } })
    return { node, post, host: new URL(url).host }
  }

  test.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a page of another host of the site', { 'sec-fetch-site': 'same-site' }],
    ['another site, in a browser that says so by Origin alone', { origin: 'http://evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['a frame without an origin', { origin: 'null' }],
    ['a site with a foreign host', { origin: 'http://evil.example', host: 'bank.example' }],
    [
      'a site that claims a forwarded host',
      { origin: 'http://evil.example', 'x-forwarded-host': 'evil.example' },
    ],
  ])('%s gets nothing done', async (_, headers) => {
    const { node, post } = await operated()
    expect(await post(headers)).toMatchObject({ status: 403, json: { error: { code: 'CROSS_SITE' } } })
    expect(node.steered).toEqual([])
  })

  test.each([
    ['its own page', (_host: string) => ({ 'sec-fetch-site': 'same-origin' })],
    ['its own page, told by Origin alone', (host: string) => ({ origin: `http://${host}` })],
    [
      'its own page behind a proxy that ends TLS',
      () => ({ origin: 'https://bank.example', host: 'bank.example:443' }),
    ],
    ['what is no browser', () => ({})],
  ])('%s does', async (_, headersOf) => {
    const { node, post, host } = await operated()
    expect(await post(headersOf(host))).toMatchObject({ status: 200, json: { paused: false } })
    expect(node.steered).toEqual(['resume'])
  })

  test('so does the fetch of Node', async () => {
    const { node, host } = await operated()
    const headers = { cookie: 'operator=yes' }
    const { status } = await fetch(`http://${host}/cluster/resume`, { method: 'POST', headers })
    expect(status).toBe(200)
    expect(node.steered).toEqual(['resume'])
  })
})
