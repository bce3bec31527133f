/** A leader or a follower of one scheme, in a process of its own; `group.mjs` has the other end. */
import { serve, settings } from '../shared/serve.mjs'
import { argumentsOf, nowUs } from './payload.mjs'

const scheme = await import(`./${settings.scheme}.mjs`)

/** What the leader does with a load: so many writes, `outstanding` at a time or so many a second. */
async function write(writer, { writes, outstanding, perSecond }) {
  const cpu = process.cpuUsage()
  const startedUs = nowUs()
  let next = 0
  if (perSecond) {
    const all = []
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(writes, Math.floor(((nowUs() - startedUs) * perSecond) / 1e6))
        while (next < due) all.push(writer.write(argumentsOf(next++)))
        if (next < writes) return
        clearInterval(timer)
        resolve()
      }, 1)
    })
    await Promise.all(all)
  } else {
    const one = async () => {
      while (next < writes) await writer.write(argumentsOf(next++))
    }
    await Promise.all(Array.from({ length: outstanding }, one))
  }
  return { startedUs, acknowledgedUs: nowUs(), cpuUs: sumOf(process.cpuUsage(cpu)) }
}

/** What a follower saw of a load; resolves with its last entry. */
class Watcher {
  #left = 0
  #latenciesUs = []
  #cpu
  #done

  expect(writes) {
    this.#left = writes
    this.#latenciesUs = []
    this.#cpu = process.cpuUsage()
    return new Promise((resolve) => {
      this.#done = resolve
    })
  }

  applied({ sentUs }) {
    const atUs = nowUs()
    this.#latenciesUs.push(atUs - sentUs)
    if (--this.#left > 0) return
    this.#done?.({ lastUs: atUs, latenciesUs: this.#latenciesUs, cpuUs: sumOf(process.cpuUsage(this.#cpu)) })
  }
}

function sumOf({ user, system }) {
  return user + system
}

const watcher = new Watcher()
const part =
  settings.role === 'leader'
    ? await scheme.lead(settings)
    : await scheme.follow(settings, (args) => watcher.applied(args))

serve({
  write: (load) => write(part, load),
  expect: ({ writes }) => watcher.expect(writes),
  close: () => part.close(),
})
