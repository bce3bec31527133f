import { WARNING_CODES } from '../../packages/core/src/events.js'
import { textOf } from './source-files.js'

test('docs/events.md says what each warning means that is no error', () => {
  const [, table = ''] = (textOf('docs/events.md') ?? '').split('## Warnings')
  const codes = [...table.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code]) => code)
  expect(codes).toEqual(expect.arrayContaining([...WARNING_CODES]))
})
