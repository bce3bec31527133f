import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import express5, { type Express } from 'express'
import express4 from 'express4'
import { StandInNode } from './stand-in-node.js'

/** Express as both major versions have it. */
export type ExpressFactory = typeof express5

/** Both versions, for `describe.each`. */
export const EXPRESS: [string, ExpressFactory][] = [
  ['Express 5', express5],
  ['Express 4', express4 as unknown as ExpressFactory],
]

/** An Express app with a stand-in node behind a real HTTP server. */
export interface Instance<N extends StandInNode = StandInNode> {
  readonly node: N
  readonly server: Server
  readonly url: string
  readonly port: number
}

const servers = new Set<Server>()

/** Starts an instance on a free port, by default as a follower that knows no leader. */
export async function startInstance(
  express: ExpressFactory,
  id: string,
  mount: (app: Express, node: StandInNode) => void,
): Promise<Instance> {
  return startInstanceOf(new StandInNode(id), express, mount)
}

/** As `startInstance`, with a stand-in of another kind. */
export async function startInstanceOf<N extends StandInNode>(
  node: N,
  express: ExpressFactory,
  mount: (app: Express, node: N) => void,
): Promise<Instance<N>> {
  const app = express()
  app.set('env', 'test') // Express is quiet about errors then
  const server = createServer(app)
  const port = await listen(server)
  const url = `http://127.0.0.1:${port}`
  node.url = url
  mount(app, node)
  return { node, server, url, port }
}

/** Starts a server that is closed with the instances. */
export async function listen(server: Server): Promise<number> {
  servers.add(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Makes `leader` lead `term`, and `followers` know it. */
export function elect(term: number, leader: Instance, ...followers: Instance[]): void {
  leader.node.lead(term)
  for (const { node } of followers) node.follow({ id: leader.node.id, term, url: leader.url })
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await closeServer(server)
  return port
}

/** Takes a server down as if its process had been killed: every connection is cut. */
export async function closeServer(server: Server): Promise<void> {
  servers.delete(server)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** Closes whatever was started. */
export async function closeAll(): Promise<void> {
  await Promise.all([...servers].map(closeServer))
}

/** Resets a connection instead of closing it in good order, as a killed process may. */
export function cut(socket: Socket): void {
  socket.resetAndDestroy()
}
