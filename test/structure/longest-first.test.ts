import { textOf } from './source-files.js'

const { LONG } = jest.requireActual<{ LONG: string[] }>('../support/longest-first.cjs')

it.each(LONG)('%s, which is to run early, is there', (path) => {
  expect(textOf(path)).toBeDefined()
})
