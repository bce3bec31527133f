/** What the process was started with. */
export const settings = JSON.parse(process.argv[2])

/** Answers the calls of the process that started this one, and ends with it; `member.mjs` is the other end. */
export function serve(calls) {
  const answer = async ({ id, call, argument }) => {
    const replied = calls[call](argument)
    process.send({ id, begun: true })
    process.send({ id, reply: (await replied) ?? null })
  }
  process.on('message', (message) => void answer(message))
  process.on('disconnect', () => process.exit())
  process.send({ ready: true })
}
