import { createHmac, timingSafeEqual } from 'node:crypto'
import { LeaseholdError } from '../errors.js'
import type { Secrets } from '../log/log-store.js'

/**
 * Signs what instances of a group say to each other, with a secret that only they and their Redis know. While that is
 * being rotated the one before and the one to come are believed as well.
 */
export class Credentials {
  #secret: string | undefined
  #believed: readonly string[] = []

  /** Takes over what the group uses now. */
  use({ secret, previous, next }: Secrets): void {
    this.#secret = secret
    this.#believed = [secret, previous, next].filter((one) => one !== '')
  }

  /** HMAC-SHA-256 of `text`, in base64url. @throws LeaseholdError `NOT_STARTED` before the node has joined its group. */
  sign(text: string): string {
    if (this.#secret === undefined)
      throw new LeaseholdError(
        'NOT_STARTED',
        'The node has not joined its group yet; await node.start() first.',
      )
    return digest(this.#secret, text)
  }

  /** Whether an instance of this group signed `text`. Takes the same time for every wrong signature. */
  verify(text: string, signature: string): boolean {
    const given = Buffer.from(signature)
    return this.#believed.some((secret) => {
      const expected = Buffer.from(digest(secret, text))
      return expected.length === given.length && timingSafeEqual(expected, given)
    })
  }
}

function digest(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}
