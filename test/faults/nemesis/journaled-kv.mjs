// The kv example with a journal of all that it applied, and with faults that a process can only do to itself.
import { shiftClock } from '../shifted-clock.mjs'
import { createHash } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createNode, defineStateMachine } from '@leasehold/core'
import { clusterErrors, clusterRouter, consistentReads, routeWrites } from '@leasehold/express'
import express from 'express'
import { kv } from '../../../examples/kv/dist/machine.js'
import { badRequests, consistencyOf, kvRoutes } from '../../../examples/kv/dist/routes.js'
import { readSettings } from '../../../examples/kv/dist/settings.js'
import { serve } from '../../support/serve.mjs'

const settings = readSettings(process.env)

// A line that was written outlives kill -9: it is the system's.
const journal = openSync(join(process.env.JOURNALS, String(process.pid)), 'a')
const note = (line) => writeSync(journal, `${JSON.stringify(line)}\n`)

/** Where this process ends itself: so many entries from now on, before or after the one. */
let crash = { in: 0, at: undefined }
function crashIf(at) {
  if (crash.at === at && --crash.in <= 0) process.kill(process.pid, 'SIGKILL')
}

/** A command that takes down what it did. The chain is part of the state: two that are equal come from equal pasts. */
function journaled(name, command) {
  return (state, args, ctx) => {
    crashIf('before')
    const result = command(state, args, ctx)
    const { index, term, opId } = ctx
    const link = JSON.stringify([state.chain, index, term, opId, name, args])
    state.chain = createHash('sha1').update(link).digest('base64url')
    note({ index, term, opId, chain: state.chain })
    crashIf('after')
    return result
  }
}

/** What a newer version of the app has more: it makes what the one before did not have when it needs it. */
const newer = {
  tag(state, { key, text }) {
    state.tags ??= {}
    state.tags[key] = text
  },
}
const { APP_VERSION: version = kv.version, WITH_TAG: withTag } = process.env
const commands = Object.fromEntries(
  Object.entries({ ...kv.commands, ...(withTag && newer) }).map(([name, command]) => [
    name,
    journaled(name, command),
  ]),
)
const machine = { ...kv, version: Number(version), initial: () => ({ ...kv.initial(), chain: '' }), commands }
const node = createNode({
  group: settings.group,
  redis: settings.redis,
  lease: { ...(settings.leaseRedis && { redis: settings.leaseRedis }), ttlMs: settings.ttlMs },
  ...JSON.parse(process.env.NODE_SETTINGS),
  stateMachine: defineStateMachine(machine),
})
node.on('elected', ({ term }) => note({ elected: term }))
node.on('demoted', ({ term, reason }) => note({ demoted: term, reason }))
node.on('diverged', ({ agreedIndex, lost }) => note({ agreedIndex, lost }))
node.on('logLost', ({ head }) => note({ logLostTo: head }))
node.on('warning', ({ code }) => note({ warning: code }))

const app = express()
app.post('/faults/block', (req, res) => {
  res.end()
  res.once('close', () => {
    const untilMs = performance.now() + Number(req.query.ms)
    while (performance.now() < untilMs);
    note({ blockedMs: Number(req.query.ms) })
  })
})
app.post('/faults/clock', (req, res) => res.json({ nowMs: shiftClock(Number(req.query.ms)) }))
app.post('/faults/crash', (req, res) => {
  crash = { in: Number(req.query.in), at: req.query.at }
  res.end()
})
app.use('/cluster', clusterRouter(node))
app.use(routeWrites(node))
app.use(consistentReads(node, { consistency: consistencyOf }))
app.use(express.json())
app.use(kvRoutes(node, settings.writeConcern))
if (withTag) {
  app.put('/tags/:key', async (req, res) => {
    const { key } = req.params
    res.json({ result: (await node.write('tag', { key, text: req.body.text })) ?? null })
  })
}
app.use(clusterErrors(node))
app.use(badRequests)

await serve(app, node, settings)
