import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { clusterRouter } from '@leasehold/express'
import express from 'express'
import { parseExposition, type ScrapedFamily } from './exposition.js'

const servers = new Set<Server>()

/** What one scrape found. */
export type Scrape = ReadonlyMap<string, ScrapedFamily>

/** Scrapes what a URL has, as Prometheus does. */
export async function scrape(url: string): Promise<Scrape> {
  const reply = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  const text = await reply.text()
  if (reply.status !== 200) throw new Error(`${url} answered ${reply.status}: ${text}`)
  if (reply.headers.get('content-type') !== 'text/plain; version=0.0.4; charset=utf-8')
    throw new Error(`${url} is ${reply.headers.get('content-type')}`)
  return parseExposition(text)
}

/** Serves a node's `/cluster` and returns a function that scrapes it. */
export async function scraperOf(...args: Parameters<typeof clusterRouter>): Promise<() => Promise<Scrape>> {
  const app = express()
  app.use('/cluster', clusterRouter(...args))
  const server = createServer(app)
  servers.add(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return () => scrape(`http://127.0.0.1:${port}/cluster/metrics`)
}

/** Closes what `scraperOf` has opened. */
export async function closeScraped(): Promise<void> {
  await Promise.all(
    [...servers].map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    ),
  )
  servers.clear()
}
