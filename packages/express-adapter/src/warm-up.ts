import { Readable } from 'node:stream'

let warmed: Promise<void> | undefined

/**
 * Has Express read a JSON body, once per process: with the first one it loads a good many files (text encodings, about
 * 10 ms), and an instance that served only reads so far would do that when it has just been elected and writes wait for it.
 * Nothing depends on it.
 */
export function warmUp(): Promise<void> {
  return (warmed ??= readOneBody().catch(() => {}))
}

async function readOneBody(): Promise<void> {
  const { default: express } = await import('express')
  const body = Buffer.from('{}')
  const headers = { 'content-type': 'application/json', 'content-length': `${body.length}` }
  const req = Object.assign(Readable.from([body]), { headers })
  await new Promise((resolve) => express.json()(req as never, {} as never, resolve))
}
