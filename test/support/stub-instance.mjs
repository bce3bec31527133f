// Speaks the kv example's HTTP API from memory, so that what starts and asks instances can be tested without it. Who
// gets to listen on STUB_LEASE_PORT leads: the kernel gives a port to one process, and takes it back when that dies.
import { createServer } from 'node:http'
import { createServer as createLease } from 'node:net'

let leads = false
const kv = new Map()
const lists = new Map()
let index = 0

function campaign() {
  const lease = createLease()
  lease.once('error', () => setTimeout(campaign, 10))
  lease.listen(Number(process.env.STUB_LEASE_PORT), '127.0.0.1', () => {
    leads = true
  })
}

function answer(method, path, query, body) {
  const [, kind, key, more] = path.split('/').map(decodeURIComponent)
  if (path === '/cluster/leader') return [leads ? 200 : 503, {}]
  if (path === '/cluster/status')
    return [200, { instance: { id: process.env.GROUP, role: leads ? 'leader' : 'follower' } }]
  if (path === '/fail') return [503, { error: { code: 'NO_LEADER', message: 'no leader' } }]
  if (kind === 'kv' && method === 'GET') {
    const found = kv.has(key)
    return [found ? 200 : 404, { value: found ? kv.get(key) : null, index, query }]
  }
  if (kind === 'kv' && more === 'cas' && (kv.get(key) ?? null) !== body.expect)
    return [409, { value: kv.get(key) }]
  if (kind === 'kv') {
    kv.set(key, body.value)
    return [200, { index: ++index, term: 1 }]
  }
  const items = lists.get(key) ?? []
  lists.set(key, items)
  if (method === 'GET') return [200, { items, index }]
  items.push(body.item)
  return [200, { position: items.length, index: ++index, term: 1 }]
}

const server = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8')
  request.on('data', (chunk) => {
    text += chunk
  })
  request.on('end', () => {
    const { pathname, search } = new URL(request.url, 'http://stub')
    const [status, body] = answer(
      request.method,
      pathname,
      search,
      text === '' ? undefined : JSON.parse(text),
    )
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-echo': request.headers['x-echo'] ?? '',
    })
    response.end(JSON.stringify(body))
  })
})

process.on('SIGTERM', () => process.exit(0))
if (process.env.STUB_FAILS) throw new Error('the stub fails')
if (process.env.STUB_LEASE_PORT) campaign()
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  process.stderr.write('started\n')
  process.stdout.write(`listening http://127.0.0.1:${server.address().port}\n`)
})
