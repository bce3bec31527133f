/** http-proxy-middleware in an Express app, as its README has it, with an agent that keeps connections. */
import { once } from 'node:events'
import { Agent } from 'node:http'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { answerCalls, settings } from '../shared/answer-calls.mjs'

const app = express()
const agent = new Agent({ keepAlive: true })
app.use(createProxyMiddleware({ target: settings.leaderUrl, agent }))
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')

answerCalls({ port: () => server.address().port, close: () => agent.destroy() })
