/** Three instances of the kv example that stay up until Ctrl-C: `npm run up [-- --install]`. */
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { startInstances } from './lib/instances.mjs'
import { openRedis } from './lib/private-redis.mjs'
import { runScript, ScriptError, stopSignal, takeFlag } from './lib/script.mjs'
import { bold, dim, note, step } from './lib/step.mjs'

const INSTANCES = 3

function welcome(instances) {
  const [first, second] = instances
  note('')
  instances.forEach(({ url, pid }, i) => note(`  ${bold(`instance ${i + 1}`)}  ${url}  ${dim(`pid ${pid}`)}`))
  note(`
  Write at one, read at another, then end one and go on:
    curl -X PUT -H 'content-type: application/json' -d '{"value":1}' ${first.url}/kv/a
    curl ${second.url}/kv/a
    curl ${first.url}/cluster/status
    kill -9 ${first.pid}

  See it in a browser: ${first.url}/cluster/

  ${dim('Ctrl-C stops everything.')}
`)
}

/** Tells when an instance ends that was not told to, and fails when none is left. */
async function untilAllEnded(instances, stopped) {
  await Promise.all(
    instances.map(async ({ ended }, i) => {
      const { code, signal } = await ended
      if (!stopped.aborted) note(`  instance ${i + 1} ended (${signal ?? `exit code ${code}`})`)
    }),
  )
  if (!stopped.aborted) throw new ScriptError('No instance is left.')
}

function untilAborted(signal) {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true })
  })
}

async function up(args) {
  const wantsInstall = takeFlag(args, '--install')
  await install()
  await build()
  // Until all is up a Ctrl-C simply ends this script, and what it has started with it.
  const redis = await openRedis({ install: wantsInstall, appendOnly: true })
  let instances = []
  try {
    instances = await step(`start ${INSTANCES} instances`, () =>
      startInstances(INSTANCES, {
        redisUrl: redis.url,
        group: process.env.GROUP ?? 'kv',
        onLine: (line, number) => note(`  ${dim(`${number} │`)} ${line}`),
      }),
    )
    const stopped = stopSignal()
    welcome(instances)
    await Promise.race([untilAborted(stopped), untilAllEnded(instances, stopped)])
  } finally {
    await step('stop', async () => {
      await Promise.all(instances.map((instance) => instance.stop()))
      await redis.stop()
    })
  }
}

await runScript(up)
