import { identifiersIn, importsOf, withoutComments } from './source-files.js'

it('sees every kind of import', () => {
  const text = `
    import { a } from './a.js'
    import type { B } from '../b.js'
    import {
      c,
    } from 'c'
    export { d } from './d.js'
    import 'e'
    const f = await import('f')
    // import { g } from 'g'
    /** import { h } from 'h' */
  `
  expect(importsOf({ path: 'x/y/z.ts', text })).toEqual(['x/y/a.ts', 'x/b.ts', 'c', 'x/y/d.ts', 'e', 'f'])
})

it('takes comments away, and nothing that only looks like one', () => {
  expect(withoutComments("a('http://x') // b\nc /* d\n e */ f")).toBe("a('http://x')     \nc     \n      f")
})

it('sees names, not texts', () => {
  const text = "const seqNo = 'master' // primary\nlog(`epoch ${generation} slave`)"
  expect(identifiersIn(text)).toEqual(['const', 'seqNo', 'log', 'generation'])
})
