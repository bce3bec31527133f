/** Bytes of an entry's argument as JSON, about. */
const BYTES = 200
const KEYS = 1000
const filler = 'x'.repeat(BYTES - 60)

/** What the write with this number stores, and when it was sent, by the clock that all processes of a machine share. */
export function argumentsOf(at) {
  return { key: `key-${at % KEYS}`, value: `${at}${filler}`, sentUs: nowUs() }
}

export function nowUs() {
  return Number(process.hrtime.bigint() / 1000n)
}

/** What every scheme does with an entry: the same map everywhere. */
export function put(state, { key, value }) {
  state[key] = value
}
