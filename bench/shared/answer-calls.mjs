/** What `Member.start` was given for this process. */
export const settings = JSON.parse(process.argv[2])

/** CPU time that this process has taken so far, in microseconds. */
export function cpuUs() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/**
 * Answers the calls of a `Member`, by name, and says that this process is ready. `close` ends what it holds; an error ends
 * the process, as it would anywhere else, and with it the benchmark.
 */
export function answerCalls(calls) {
  const all = { cpuUs, ...calls }
  const answer = async ({ id, call, argument }) => {
    const reply = all[call](argument)
    process.send({ begun: id })
    process.send({ replied: id, reply: await reply })
  }
  process.on('message', (message) => void answer(message))
  process.on('disconnect', () => process.exit())
  process.send({ ready: true })
}
