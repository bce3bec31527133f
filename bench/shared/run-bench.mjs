import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { openRedis } from '../../scripts/lib/private-redis.mjs'
import { runScript } from '../../scripts/lib/script.mjs'
import { green, note, red } from '../../scripts/lib/step.mjs'
import { machineLine, resultLines, verdictOf } from './report.mjs'

/** Options as the command line has them: a number stays one. */
function optionsOf(args, defaults) {
  const declared = Object.entries({ ...defaults, json: '' }).map(([name, value]) => [
    name,
    { type: 'string', default: `${value}` },
  ])
  const { values } = parseArgs({ args, options: Object.fromEntries(declared) })
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof defaults[name] === 'number' ? Number(value) : value,
    ]),
  )
}

/**
 * A benchmark as a script: takes `defaults` as options of the command line, and `--json FILE`; starts a private Redis; prints
 * what `measure` resolves with, and against it the targets that `targetsOf` has for it.
 *
 * `measure({ options, redis })` resolves with results: `{ name, figures, samples? }` each, figures by name.
 * `targetsOf(results)` returns `{ what, ratio, atLeast | atMost }` each.
 */
export async function runBench({ name, defaults, measure, targetsOf }) {
  await runScript(async (args) => {
    const options = optionsOf(args, defaults)
    const startedAt = new Date().toISOString()
    const loadBefore = loadavg()[0]
    const redis = await openRedis({ appendOnly: true })
    try {
      const results = await measure({ options, redis })
      const targets = targetsOf(results).map((target) => ({ ...target, holds: verdictOf(target) }))
      const machine = { cpus: cpus().length, cpu: cpus()[0].model.trim(), node: process.version, loadBefore }
      const command = ['npm run bench --', name, ...args].join(' ')
      resultLines(results).forEach(note)
      for (const { what, ratio, atLeast, atMost, holds } of targets) {
        const bound = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`
        note(`  ${holds ? green('✓') : red('✗')} ${what}: ${ratio.toPrecision(3)}, aimed at ${bound}`)
      }
      note(machineLine({ command, machine }))
      if (options.json) {
        const all = { bench: name, command, startedAt, machine, options, results, targets }
        writeFileSync(options.json, `${JSON.stringify(all, undefined, 1)}\n`)
      }
      return 0
    } finally {
      await redis.stop()
    }
  })
}
