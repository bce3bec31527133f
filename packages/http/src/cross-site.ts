import type { IncomingMessage } from 'node:http'

/** What a page of another site is told. */
export const crossSiteMessage =
  'The request comes from a page of another site. Where it does not, have the proxy pass on the Host that the browser asked for.'

/**
 * Whether a browser sent this request for a page of another site, where it may have added this site's cookies without
 * anybody's wish. What is no browser says neither where it comes from nor that it does; it is let through.
 */
export function isCrossSite({ headers }: IncomingMessage): boolean {
  // Browsers set it by themselves and let no page change it, but send it only over TLS and to the machine they run on.
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const { origin, host } = headers
  if (origin === undefined) return false
  // The scheme is that of the browser: a proxy that ends TLS speaks another one to us.
  const asked = `${origin.slice(0, origin.indexOf(':'))}://${host}`
  return !URL.canParse(origin) || !URL.canParse(asked) || new URL(asked).host !== new URL(origin).host
}
