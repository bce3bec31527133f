import type { AddressInfo } from 'node:net'
import { defineStateMachine } from '@leasehold/core'
import { createTestGroup } from '@leasehold/core/testing'
import express from 'express'
import { clusterErrors, consistentReads, routeWrites } from '../src/index.js'
import { send } from './support/http-client.js'

const counters = defineStateMachine({
  name: 'counters',
  version: 1,
  initial: () => ({ counts: {} as Record<string, number> }),
  commands: {
    count({ counts }, key: string) {
      return (counts[key] = (counts[key] ?? 0) + 1)
    },
  },
})

/** As a user would test an app: three processes of it, over a Redis in memory, with real requests. */
async function startApps() {
  const urls = new Map<string, string>()
  const group = await createTestGroup({
    stateMachine: counters,
    attach({ name, node }) {
      const app = express()
      app.use(routeWrites(node))
      app.use(consistentReads(node))
      app.post('/counters/:key', async (req, res) => {
        res.json({ count: await node.write('count', req.params.key) })
      })
      app.get('/counters/:key', (req, res) => {
        res.json({ count: node.read(({ counts }) => counts[req.params.key] ?? 0) })
      })
      app.use(clusterErrors(node))
      const server = app.listen(0, '127.0.0.1', () => {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        urls.set(name, url)
        node.setUrl(url)
      })
      return () => {
        server.closeAllConnections()
        server.close()
      }
    },
  })
  const urlOf = ({ name }: { readonly name: string }) => urls.get(name) ?? ''
  return { group, urlOf }
}

test('clients of an instance that lives do not notice that the leader was killed', async () => {
  const { group, urlOf } = await startApps()
  const leader = await group.led()
  const asked = group.instances.find((instance) => instance !== leader) ?? leader
  const url = `${urlOf(asked)}/counters/a`
  const counts: unknown[] = []
  let position = ''
  for (let i = 0; i < 20; i++) {
    if (i === 10) await group.killLeader()
    const { status, json, headers } = await send(url, { method: 'POST' })
    expect(status).toBe(200)
    counts.push(json)
    position = String(headers['leasehold-position'])
  }
  expect(counts).toEqual(Array.from({ length: 20 }, (_, i) => ({ count: i + 1 })))

  await leader.start()
  const seen = await send(`${urlOf(leader)}/counters/a`, { headers: { 'Leasehold-Position': position } })
  expect(seen.json).toEqual({ count: 20 })
  await group.stop()
})
