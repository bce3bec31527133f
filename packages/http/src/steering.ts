import type { ServerResponse } from 'node:http'
import type { AdapterNode } from './adapter-node.js'
import type { HttpRequest } from './framework.js'
import { sendJson } from './replies.js'
import { BadBody, smallBody } from './small-body.js'

type Answer = (req: HttpRequest, res: ServerResponse, query: URLSearchParams) => Promise<void>

/** What a request may carry. */
type Field = 'to' | 'timeoutMs' | 'forMs'

const isName = (value: unknown) => typeof value === 'string' && /^[^:{}\s]{1,128}$/.test(value)
const isMs = (least: number) => (value: unknown) =>
  Number.isInteger(value) && Number(value) >= least && Number(value) <= MAX_MS
const MAX_MS = 3_600_000

const CHECKS: Record<Field, { isGood: (value: unknown) => boolean; must: string }> = {
  to: { isGood: isName, must: 'the name or the id of an instance' },
  timeoutMs: { isGood: isMs(100), must: `a whole number of ms, from 100 to ${MAX_MS}` },
  forMs: {
    isGood: (value) => Number.isInteger(value) && Number(value) > 0,
    must: 'a whole number of ms above 0',
  },
}

/** The requests by which operators steer leadership, wherever they arrive: the order stands in Redis. */
export function steering(node: AdapterNode): Record<'/switchover' | '/pause' | '/resume', Answer> {
  return {
    '/switchover': withFields(['to', 'timeoutMs'], async (res, fields) => {
      const leader = await node.switchover(fields)
      sendJson(res, 200, { leader })
    }),
    '/pause': withFields(['forMs'], async (res, fields) => {
      await node.pause(fields)
      sendJson(res, 200, { paused: true, forMs: fields.forMs })
    }),
    '/resume': withFields([], async (res) => {
      await node.resume()
      sendJson(res, 200, { paused: false })
    }),
  }
}

/** What a request asked for, checked. */
interface Fields {
  readonly to?: string
  readonly timeoutMs?: number
  readonly forMs?: number
}

/** Takes fields from the query or the body; the query counts first. */
function withFields(
  names: readonly Field[],
  answer: (res: ServerResponse, fields: Fields) => Promise<void>,
): Answer {
  return async (req, res, query) => {
    let fields: Record<string, unknown>
    try {
      fields = collect(names, query, await smallBody(req))
    } catch (error) {
      if (!(error instanceof BadBody)) throw error
      return sendJson(res, 400, { error: { code: 'BAD_REQUEST', message: error.message } })
    }
    return answer(res, fields)
  }
}

function collect(
  names: readonly Field[],
  query: URLSearchParams,
  body: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  // Also what a parser of forms makes of JSON: to pass over it would pause for ever where a time was given.
  const unknown = Object.keys(body).find((name) => !(names as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new BadBody(
      `There is no field ${JSON.stringify(unknown)} here${names.length > 0 ? `, but ${names.join(', ')}` : ''}.`,
    )
  const fields: Record<string, unknown> = {}
  for (const name of names) {
    const asked = query.get(name)
    const value = asked === null ? (body[name] ?? undefined) : name === 'to' ? asked : toNumber(asked)
    if (value === undefined) continue
    const { isGood, must } = CHECKS[name]
    if (!isGood(value)) throw new BadBody(`${name} must be ${must}.`)
    fields[name] = value
  }
  return fields
}

/** Digits only: `Number('')` is 0. */
function toNumber(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}
