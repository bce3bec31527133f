/** 32 bits in which two values of JSON hardly ever agree unless they are the same: one pair in four thousand million. */
export type Digest = number

/** The digest of what JSON leaves out of an object: undefined, or a function. */
export const ABSENT: Digest = 1

/** What stands for each kind of value, so that 0, '0', false and null differ. */
const KIND = { null: 2, false: 3, true: 4, whole: 5, number: 6, text: 7, list: 8, object: 9 } as const

/** Objects with more properties than this are remembered, where that is wished: to list them again would cost too much. */
const CROWDED = 256
/** What is nested deeper counts as too much: how deep one may go depends on who called. */
const MOST_DEPTH = 100

/** Texts up to this length count whole; of longer ones so much at each end, and as much from between. */
const WHOLE_TEXT = 64
const TEXT_END = 16

const double = new Float64Array(1)
const words = new Int32Array(double.buffer)

/** Adds a word to a digest; the order counts. The round of MurmurHash3 (Austin Appleby, public domain). */
export function mix(digest: Digest, word: number): Digest {
  let bits = Math.imul(word, 0xcc9e2d51)
  bits = Math.imul((bits << 15) | (bits >>> 17), 0x1b873593)
  bits ^= digest
  return (Math.imul((bits << 13) | (bits >>> 19), 5) + 0xe6546b64) | 0
}

/**
 * The digest of a text: FNV-1a over its UTF-16 units (Fowler, Noll, Vo; public domain). Of a long one it takes the beginning,
 * the end, and some from between: what tells two of them apart is seldom a single letter, and the rest would cost too much.
 */
export function digestOfText(text: string): Digest {
  const { length } = text
  let digest = 0x811c9dc5
  const add = (from: number, to: number, step: number) => {
    for (let at = from; at < to; at += step) digest = Math.imul(digest ^ text.charCodeAt(at), 0x01000193)
  }
  if (length <= WHOLE_TEXT) add(0, length, 1)
  else {
    add(0, TEXT_END, 1)
    add(TEXT_END, length - TEXT_END, Math.ceil(length / TEXT_END))
    add(length - TEXT_END, length, 1)
  }
  return mix(digest, length)
}

/**
 * Digests of values as JSON would write them down, since a replica may have come from a snapshot: no matter in which order
 * an object has its properties, undefined ones are absent, -0 is 0, and a date is its text.
 */
export class JsonDigests {
  readonly #crowded: WeakSet<object> | undefined
  #left = 0
  #depth = 0

  /**
   * @param remember whether large objects are remembered. It saves their listing, and one that has shrunk since then still
   * counts as large: what comes of that may differ between replicas that hold the same.
   */
  constructor({ remember }: { remember: boolean }) {
    this.#crowded = remember ? new WeakSet() : undefined
  }

  /** Undefined if there are more than `most` values in it: however it is ordered, that is the same for the same value. */
  of(value: unknown, most: number): Digest | undefined {
    this.#left = most
    this.#depth = 0
    const digest = this.#visit(value)
    return this.#left < 0 ? undefined : digest
  }

  #visit(value: unknown): Digest {
    if (--this.#left < 0) return 0
    switch (typeof value) {
      case 'string':
        return mix(KIND.text, digestOfText(value))
      case 'number':
        return digestOfNumber(value)
      case 'boolean':
        return value ? KIND.true : KIND.false
      case 'bigint':
        return mix(KIND.text, digestOfText(value.toString()))
      case 'object':
        return value === null ? KIND.null : this.#visitNested(value)
      default:
        return ABSENT
    }
  }

  #visitNested(value: object): Digest {
    if (++this.#depth > MOST_DEPTH) return this.#tooMuch()
    const digest = this.#visitObject(value)
    this.#depth--
    return digest
  }

  #visitObject(value: object): Digest {
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
      return this.#visit((value as { toJSON: () => unknown }).toJSON())
    if (Array.isArray(value)) return this.#visitList(value)
    if (this.#crowded?.has(value)) return this.#tooMuch()
    const keys = Object.keys(value)
    if (keys.length > CROWDED) this.#crowded?.add(value)
    if (keys.length > this.#left) return this.#tooMuch()
    let sum = 0
    for (const key of keys) {
      const digest = this.#visit((value as Record<string, unknown>)[key])
      if (digest !== ABSENT) sum = (sum + spread(mix(digestOfText(key), digest))) | 0
    }
    return mix(KIND.object, sum)
  }

  #visitList(list: readonly unknown[]): Digest {
    if (list.length > this.#left) return this.#tooMuch()
    let digest = mix(KIND.list, list.length)
    for (const item of list) {
      const each = this.#visit(item)
      digest = mix(digest, each === ABSENT ? KIND.null : each)
    }
    return digest
  }

  #tooMuch(): Digest {
    this.#left = -1
    return 0
  }
}

/** Before digests are summed up: sums of words that are alike would be alike. MurmurHash3's last step. */
export function spread(digest: Digest): Digest {
  let bits = Math.imul(digest ^ (digest >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}

function digestOfNumber(value: number): Digest {
  if ((value | 0) === value) return mix(KIND.whole, value)
  if (!Number.isFinite(value)) return KIND.null
  double[0] = value
  return mix(mix(KIND.number, words[0] as number), words[1] as number)
}
