import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { HttpRequest } from '../framework.js'
import { requestPath } from '../request-path.js'
import { pageFiles } from './page.generated.js'

type Answer = (req: HttpRequest, res: ServerResponse) => void

const TYPES: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** The page needs nothing but its own files, and never makes markup of a text: the browser is to see to both. */
const POLICY = [
  "default-src 'none'",
  "connect-src 'self'",
  "img-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/**
 * The dashboard: a page and what it loads, by path. It asks for everything by relative addresses, so it does not matter
 * under which path it is mounted, or what a proxy puts before that.
 */
export function dashboard(): Record<string, Answer> {
  const answers: Record<string, Answer> = {}
  for (const [name, text] of Object.entries(pageFiles)) {
    const answer = answerWith(name, text)
    if (name === 'index.html') answers['/'] = (req, res) => redirected(req, res) || answer(req, res)
    else answers[`/${name}`] = answer
  }
  return answers
}

function answerWith(name: string, text: string): Answer {
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'text/plain'
  const body = Buffer.from(text)
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return (req, res) => {
    res.setHeader('ETag', tag)
    res.setHeader('Cache-Control', 'no-cache') // another version may be deployed at any time
    res.setHeader('Content-Security-Policy', POLICY)
    res.setHeader('Referrer-Policy', 'same-origin') // not no-referrer: that takes the origin out of its posts
    res.setHeader('X-Content-Type-Options', 'nosniff')
    const isKnown = req.headers['if-none-match']
      ?.split(',')
      .some((known) => known.trim().replace(/^W\//, '') === tag)
    if (isKnown) {
      res.statusCode = 304
      res.end()
      return
    }
    res.statusCode = 200
    res.setHeader('Content-Type', type)
    res.setHeader('Content-Length', body.length)
    res.end(body)
  }
}

/**
 * Sends whoever asked without a slash at the end to the address with one, where relative addresses lead to its files.
 * The redirect is relative, too: what stands before the last part is the business of proxies.
 */
function redirected(req: HttpRequest, res: ServerResponse): boolean {
  const [path = '', ...query] = requestPath(req).split('?')
  if (path.endsWith('/')) return false
  res.statusCode = 302
  res.setHeader('Location', `./${path.slice(path.lastIndexOf('/') + 1)}/${['', ...query].join('?')}`)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Content-Length', 0)
  res.end()
  return true
}
