/**
 * What the blocks of the docs may use without saying where it is from: the app of the pages, as far as a page goes on about
 * it without showing it again. What the packages export is there as well.
 */
import * as fs from 'node:fs'
import nodeHttps from 'node:https'
import * as streams from 'node:stream/promises'
import type { Logger, RedisTarget } from '@leasehold/core'
import nodeCompression from 'compression'
import nodeCors from 'cors'
import type { Express, RequestHandler } from 'express'
import nodeExpress from 'express'
import { rateLimit as limiter } from 'express-rate-limit'
import expressSession from 'express-session'
import type { Multer } from 'multer'

const machine = defineStateMachine({
  name: 'bank',
  version: 1,
  initial: () => ({ accounts: {} as Record<string, number> }),
  commands: {
    deposit(state, { to, amount }: { to: string; amount: number }) {
      return (state.accounts[to] = (state.accounts[to] ?? 0) + amount)
    },
    withdraw(state, { from, amount }: { from: string; amount: number }) {
      return (state.accounts[from] = (state.accounts[from] ?? 0) - amount)
    },
  },
})

function bankNode() {
  return createNode({ group: 'bank', redis: 'redis://127.0.0.1:6379', stateMachine: machine })
}

const settingsMachine = defineStateMachine({
  name: 'settings',
  version: 1,
  initial: () => ({ values: {} as Record<string, string> }),
  commands: {
    set(state, { key, value }: { key: string; value: string }) {
      state.values[key] = value
    },
  },
})

function settingsNode() {
  return createNode({ group: 'settings', redis: 'redis://127.0.0.1:6379', stateMachine: settingsMachine })
}

declare global {
  // The app.
  const app: Express
  const bank: typeof machine
  const stateMachine: typeof machine
  const node: ReturnType<typeof bankNode>
  const server: import('node:http').Server
  const createApp: (served: ReturnType<typeof bankNode>) => import('node:http').Server
  const url: string
  const redis: RedisTarget
  const group: string
  const logger: Logger
  const operatorsOnly: RequestHandler
  const instances: Set<string | undefined>
  const args: { to: string; amount: number }
  type AddressInfo = import('node:net').AddressInfo

  // Whoever reads changes, or serves metrics.
  const after: import('@leasehold/core').Position
  const signal: AbortSignal
  const sumOf: (accounts: Record<string, number>) => number
  const show: (account: string, balance: number) => void
  const readTheStateAnew: () => void
  const notify: (account: string, change: object) => void
  const register: import('prom-client').Registry

  const runJobs: (signal: AbortSignal, term: number) => Promise<void>
  const oldSettings: Map<string, string>
  const copies: ReturnType<typeof settingsNode>

  // What it leans on.
  const express: typeof nodeExpress
  const cors: typeof nodeCors
  const compression: typeof nodeCompression
  const session: typeof expressSession
  const store: expressSession.Store
  const secret: string
  const rateLimit: typeof limiter
  const upload: Multer
  const savePhoto: RequestHandler
  const https: typeof nodeHttps
  const readFileSync: typeof fs.readFileSync
  const createReadStream: typeof fs.createReadStream
  const createWriteStream: typeof fs.createWriteStream
  const pipeline: typeof streams.pipeline
}
