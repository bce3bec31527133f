/** Calls `run` with 0, 1, 2 and so on, `count` times, so many at a time: each call begins when one before it is done. */
export async function atOnce(count, width, run) {
  let next = 0
  const oneAfterTheOther = async () => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: width }, oneAfterTheOther))
}
