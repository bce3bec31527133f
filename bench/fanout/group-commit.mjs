const MAX_BATCH = 512

/**
 * Writes gather while an append is in flight, then go together, as ours do. Returns a function that takes an entry as text and
 * resolves when it is in; `append` is given some of them at a time.
 */
export function groupCommit(append) {
  const waiting = []
  let isAppending = false
  const appendNext = async () => {
    if (isAppending || waiting.length === 0) return
    isAppending = true
    const batch = waiting.splice(0, MAX_BATCH)
    await append(batch.map(({ data }) => data))
    isAppending = false
    for (const { done } of batch) done()
    void appendNext()
  }
  return (data) =>
    new Promise((done) => {
      waiting.push({ data, done })
      queueMicrotask(() => void appendNext())
    })
}
