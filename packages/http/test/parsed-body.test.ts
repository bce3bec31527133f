import { serializeBody } from '../src/parsed-body.js'

const write = (type: string | undefined, body: unknown, headers = {}) => {
  const { bytes, contentType } = serializeBody(
    { ...(type === undefined ? {} : { 'content-type': type }), ...headers },
    body,
  )
  return { text: bytes.toString(), type: contentType }
}

test.each([
  ['application/json', { a: [1, 'ü', null] }, '{"a":[1,"ü",null]}'],
  ['application/problem+json; charset=utf-8', {}, '{}'],
  ['APPLICATION/JSON', [], '[]'],
  ['application/json', null, 'null'],
  ['application/json', 'a string', '"a string"'],
  ['text/plain', 'as it is', 'as it is'],
  [undefined, Buffer.from('bytes'), 'bytes'],
  ['application/octet-stream', new Uint8Array([65, 66]), 'AB'],
  [
    'application/x-www-form-urlencoded',
    { a: 'x y', b: ['1', '2'], c: { d: 'ü' }, e: ['1'], f: [{ g: '1' }], h: '' },
    'a=x%20y&b=1&b=2&c%5Bd%5D=%C3%BC&e%5B%5D=1&f%5B0%5D%5Bg%5D=1&h=',
  ],
])('%s', (type, body, text) => {
  expect(write(type, body)).toEqual({ text, type })
})

test('JSON that was taken for text is not written down as a JSON string', () => {
  expect(write('application/json', '{"a":1}', { 'content-length': '7' }).text).toBe('{"a":1}')
})

test.each([
  ['application/json; charset=utf-16', 'application/json; charset=utf-8'],
  ['application/json;charset="latin1"; x=y', 'application/json;charset=utf-8; x=y'],
  ['text/plain', 'text/plain'],
])('the charset of %s becomes UTF-8', (type, expected) => {
  expect(write(type, 'x').type).toBe(expected)
})

const cycle: Record<string, unknown> = {}
cycle.self = cycle
test.each([
  ['multipart/form-data; boundary=x', { field: 'value' }],
  ['application/json', undefined],
  ['application/json', cycle],
  ['application/json', 10n],
  ['application/xml', { parsed: 'xml' }],
  ['application/x-www-form-urlencoded', undefined],
  [undefined, { a: 1 }],
])('%s with %p is a BODY_CONSUMED', (type, body) => {
  expect(() => write(type, body)).toThrow(expect.objectContaining({ code: 'BODY_CONSUMED' }))
})
