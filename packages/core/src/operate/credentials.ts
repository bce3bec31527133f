import { createHmac, timingSafeEqual } from 'node:crypto'
import { LeaseholdError } from '../errors.js'
import type { Joined } from '../log/log-store.js'

/**
 * Signs what instances of a group say to each other, with a secret that only they and their Redis know. After a change
 * of the secret the one before stays valid.
 */
export class Credentials {
  #secrets: readonly string[] = []

  /** Takes over what the group uses now. */
  use({ secret, previousSecret }: Joined): void {
    this.#secrets = previousSecret === undefined ? [secret] : [secret, previousSecret]
  }

  /** HMAC-SHA-256 of `text`, in base64url. @throws LeaseholdError `NOT_STARTED` before the node has joined its group. */
  sign(text: string): string {
    const [secret] = this.#secrets
    if (secret === undefined)
      throw new LeaseholdError(
        'NOT_STARTED',
        'The node has not joined its group yet; await node.start() first.',
      )
    return digest(secret, text)
  }

  /** Whether an instance of this group signed `text`. Takes the same time for every wrong signature. */
  verify(text: string, signature: string): boolean {
    const given = Buffer.from(signature)
    return this.#secrets.some((secret) => {
      const expected = Buffer.from(digest(secret, text))
      return expected.length === given.length && timingSafeEqual(expected, given)
    })
  }
}

function digest(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}
