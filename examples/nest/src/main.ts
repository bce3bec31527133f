import 'reflect-metadata'
import type { Server } from 'node:http'
import { createNode } from '@leasehold/core'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Leasehold, LeaseholdModule } from './leasehold.module.js'
import { polls } from './machine.js'
import { PollsController } from './polls.controller.js'

const { PORT = '3000', REDIS_URL = 'redis://127.0.0.1:6379', GROUP = 'polls', LEASE_TTL_MS } = process.env

const node = createNode({
  group: GROUP,
  redis: REDIS_URL,
  ...(LEASE_TTL_MS && { lease: { ttlMs: Number(LEASE_TTL_MS) } }),
  stateMachine: polls,
})

@Module({ imports: [LeaseholdModule.forRoot(node)], controllers: [PollsController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
const server = app.getHttpServer() as Server
// The signal has taken the node out of its group and closed the server by then; the rest of the app follows.
server.once('close', () => void app.close())
await app.listen(Number(PORT), '127.0.0.1')
try {
  await app.get(Leasehold).ready
  console.log(`listening ${await app.getUrl()}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
  await app.close()
}
