import type { IncomingHttpHeaders } from 'node:http'
import { BodyConsumedError } from './errors.js'

/** A body written down again. */
export interface SerializedBody {
  readonly bytes: Buffer
  readonly contentType: string | undefined
}

/**
 * Writes down again what a body parser made of a body: JSON and URL-encoded ones from `req.body` as it is now, text and
 * buffers as they are. The charset becomes UTF-8.
 *
 * @throws BodyConsumedError for anything else, such as multipart: its files are no longer here
 */
export function serializeBody(headers: IncomingHttpHeaders, body: unknown): SerializedBody {
  const contentType = headers['content-type']
  if (body instanceof Uint8Array)
    return { bytes: Buffer.from(body.buffer, body.byteOffset, body.byteLength), contentType }

  const text = toText(headers, body)
  if (text === undefined) throw new BodyConsumedError(contentType)
  return { bytes: Buffer.from(text), contentType: contentType && inUtf8(contentType) }
}

function toText(headers: IncomingHttpHeaders, body: unknown): string | undefined {
  const mediaType = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (/^application\/(?:[^;]+\+)?json$/.test(mediaType)) {
    // A string is either a JSON string that was parsed, or JSON that express.text() took for text: then it is as long
    // as what the client sent.
    if (typeof body === 'string' && String(Buffer.byteLength(body)) === headers['content-length']) return body
    return toJson(body, headers['content-type'])
  }
  if (typeof body === 'string') return body
  if (mediaType === 'application/x-www-form-urlencoded' && typeof body === 'object' && body !== null) {
    return formPairs('', body).join('&')
  }
  return undefined
}

function toJson(body: unknown, contentType: string | undefined): string | undefined {
  try {
    return JSON.stringify(body)
  } catch (error) {
    throw new BodyConsumedError(contentType, error)
  }
}

/**
 * Nested objects as `a[b]=c`, which the extended parser reads back. Lists of plain values as `a=1&a=2`, which both
 * parsers read back; a list of one, which only the extended parser makes, as `a[]=1`.
 */
function formPairs(name: string, value: unknown): string[] {
  if (Array.isArray(value)) {
    const plain = value.every((item) => typeof item !== 'object' || item === null)
    if (plain && value.length > 1) return value.flatMap((item) => formPairs(name, item))
    return value.flatMap((item, i) => formPairs(plain ? `${name}[]` : `${name}[${i}]`, item))
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, item]) =>
      formPairs(name === '' ? key : `${name}[${key}]`, item),
    )
  }
  if (value === undefined) return []
  const text = value === null ? '' : (value as string | number | boolean).toString()
  return [`${encodeURIComponent(name)}=${encodeURIComponent(text)}`]
}

function inUtf8(contentType: string): string {
  return contentType.replace(/(;\s*charset=)("[^"]*"|[^;\s]*)/i, '$1utf-8')
}
