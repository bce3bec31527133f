import type { Entry } from '../log/entry.js'

/**
 * What a command may know besides the state and its argument. All of it comes from the entry, so that every replica
 * computes the same (G5); a command that used `Date.now()` or `Math.random()` instead would make replicas drift apart.
 */
export interface Ctx {
  readonly index: number
  readonly term: number
  /** Log time in ms since 1970: the Redis server's clock at the append, never going back. */
  readonly time: number
  readonly opId: string
  /** A number from 0 up to 1, the same on every replica. */
  random(): number
  /** A version 4 UUID, the same on every replica. Unique, but not a secret: who knows the log can compute it. */
  uuid(): string
}

/** The context of one entry. */
export function createContext(entry: Entry): Ctx {
  const next = lazy(() => sfc32(seedOf(`${entry.term}:${entry.index}:${entry.opId}`)))
  const uint32 = () => next()()
  return {
    index: entry.index,
    term: entry.term,
    time: entry.timeMs,
    opId: entry.opId,
    random: () => uint32() / 2 ** 32,
    uuid: () => formatUuid([uint32(), uint32(), uint32(), uint32()]),
  }
}

function lazy<T>(create: () => T): () => T {
  let value: T | undefined
  return () => (value ??= create())
}

/** Four words of FNV-1a over the text, each from another offset basis (Fowler, Noll, Vo; public domain). */
function seedOf(text: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x811c9dc5, 0x01000193, 0x9e3779b9, 0x85ebca6b]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    for (let w = 0; w < 4; w++) words[w] = Math.imul((words[w] as number) ^ code, 0x01000193)
  }
  return words
}

/** Chris Doty-Humphrey's sfc32 from PractRand (public domain): small, fast, and good enough to spread load or break ties. */
function sfc32([a, b, c, counter]: [number, number, number, number]): () => number {
  const next = () => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) next() // its author's warm-up: mixes the seed
  return next
}

function formatUuid(words: number[]): string {
  const hex = words.map((word) => word.toString(16).padStart(8, '0')).join('')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}
