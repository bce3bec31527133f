/** What a client carries from one reply to its next request, so that it reads nothing older than it has seen. */
export interface Session {
  /** Goes with the next request. */
  headers(): Record<string, string>
  /** Takes what a reply says. */
  take(reply: { readonly status: number; readonly headers: Headers }): void
}

const POSITION = 'leasehold-position'

/** The session of a program: it sends the position of the last answer. Who reports an error may stand behind that. */
export function headerSession(): Session {
  let position: string | null = null
  return {
    headers: () => (position === null ? {} : { [POSITION]: position }),
    take({ status, headers }) {
      if (status < 500) position = headers.get(POSITION) ?? position
    },
  }
}

/** The session of a browser: it keeps whatever cookies a reply sets, for all instances, and gives up those that expire. */
export function cookieSession(): Session {
  const jar = new Map<string, string>()
  return {
    headers: () =>
      jar.size === 0 ? {} : { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    take({ headers }) {
      for (const cookie of headers.getSetCookie()) {
        const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(cookie) ?? []
        if (/;\s*max-age=0\b/i.test(attributes)) jar.delete(name)
        else jar.set(name, value)
      }
    },
  }
}
