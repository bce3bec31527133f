/** The least that forwards: a server of node:http and a pool of undici, nothing else. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Pool } from 'undici'
import { answerCalls, settings } from '../shared/answer-calls.mjs'

const pool = new Pool(settings.leaderUrl)

/** What belongs to a connection stays there, or undici refuses it. */
function withoutHop({ connection: _1, 'keep-alive': _2, 'transfer-encoding': _3, ...headers }) {
  return headers
}

const server = createServer((req, res) => {
  const { method, url: path } = req
  const begin = ({ statusCode, headers }) => {
    res.writeHead(statusCode, withoutHop(headers))
    return res
  }
  pool
    .stream({ method, path, headers: withoutHop(req.headers), body: req }, begin)
    .catch((error) => res.destroy(error))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

answerCalls({ port: () => server.address().port, close: () => pool.destroy() })
