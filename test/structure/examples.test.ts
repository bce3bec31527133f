import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, textOf } from './source-files.js'

interface Package {
  readonly name: string
  readonly private?: boolean
}

const parse = (path: string): unknown => JSON.parse(textOf(path) ?? 'null')

const { references } = parse('tsconfig.json') as { references: { path: string }[] }
const { ignore } = parse('.changeset/config.json') as { ignore: string[] }

describe.each(readdirSync(join(ROOT, 'examples')))('examples/%s', (folder) => {
  const { name, private: isPrivate } = parse(`examples/${folder}/package.json`) as Package

  it('is built with everything else', () => {
    expect(references).toContainEqual({ path: `examples/${folder}` })
  })

  it('is never published', () => {
    expect({ isPrivate, ignore }).toEqual({ isPrivate: true, ignore: expect.arrayContaining([name]) })
  })

  it('is mentioned in the README', () => {
    expect(textOf('README.md')).toContain(`examples/${folder}`)
  })
})
