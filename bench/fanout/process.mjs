/** A leader or a follower of one scheme, in a process of its own; `group.mjs` has the other end. */
import { answerCalls, cpuUs, settings } from '../shared/answer-calls.mjs'
import { atOnce } from '../shared/at-once.mjs'
import { argumentsOf, nowUs } from './payload.mjs'

const scheme = await import(`./${settings.scheme}.mjs`)

/** What the leader does with a load: so many writes, `outstanding` at a time or so many a second. */
async function write(writer, { writes, outstanding, perSecond }) {
  const beforeUs = cpuUs()
  const startedUs = nowUs()
  if (perSecond) {
    let next = 0
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
    await atOnce(writes, outstanding, (at) => writer.write(argumentsOf(at)))
  }
  return { startedUs, acknowledgedUs: nowUs(), cpuUs: cpuUs() - beforeUs }
}

/** What a follower saw of a load; resolves with its last entry. */
class Watcher {
  #left = 0
  #latenciesUs = []
  #beforeUs
  #done

  expect(writes) {
    this.#left = writes
    this.#latenciesUs = []
    this.#beforeUs = cpuUs()
    return new Promise((resolve) => {
      this.#done = resolve
    })
  }

  applied({ sentUs }) {
    const atUs = nowUs()
    this.#latenciesUs.push(atUs - sentUs)
    if (--this.#left > 0) return
    this.#done?.({ lastUs: atUs, latenciesUs: this.#latenciesUs, cpuUs: cpuUs() - this.#beforeUs })
  }
}

const watcher = new Watcher()
const part =
  settings.role === 'leader'
    ? await scheme.lead(settings)
    : await scheme.follow(settings, (args) => watcher.applied(args))

answerCalls({
  write: (load) => write(part, load),
  expect: ({ writes }) => watcher.expect(writes),
  close: () => part.close(),
})
