import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

export const ROOT = join(__dirname, '../..')

/** A file of the repository, as these tests look at it. */
export interface SourceFile {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
}

/** The files below a folder whose names end so. Generated ones are left out. */
export function filesIn(folder: string, ...endings: string[]): SourceFile[] {
  if (!existsSync(join(ROOT, folder))) return []
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !/node_modules|dist\/|\.generated\.ts$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

/** The text of a file of the repository; undefined where there is none. */
export function textOf(path: string): string | undefined {
  const file = join(ROOT, path)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

/** What a file imports, types included: the path of a file of the repository, or the name of a package. */
export function importsOf({ path, text }: SourceFile): string[] {
  const specifiers = withoutComments(text).matchAll(/\b(?:from|import)\s*\(?\s*'([\w@./:-]+)'/g)
  return [...specifiers].map(([, specifier = '']) =>
    specifier.startsWith('.') ? join(dirname(path), specifier).replace(/\.js$/, '.ts') : specifier,
  )
}

/** The text with comments blanked out, and nothing else: line numbers stay. */
export function withoutComments(text: string): string {
  // Strings are matched as well, so that what looks like a comment within one stays.
  return text.replaceAll(/'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (found) =>
    found.startsWith('/') ? found.replaceAll(/[^\n]/g, ' ') : found,
  )
}

/** The names in a text of code: without comments and strings, but with what is computed within a template. */
export function identifiersIn(text: string): string[] {
  const code = withoutComments(text)
    .replaceAll(/'(?:\\.|[^'\\\n])*'/g, "''")
    .replaceAll(/`(?:\\.|[^`\\])*`/g, (template) =>
      [...template.matchAll(/\$\{([^}]*)\}/g)].map(([, inner]) => inner).join(' '),
    )
  return [...code.matchAll(/[A-Za-z_$][\w$]*/g)].map(([name]) => name)
}
