/** The documentation as a site of static files that works from any path and offline: guides, and the API by TypeDoc. */
import { rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Application, KindRouter, ReflectionKind } from 'typedoc'
import { publicPackages } from '../../scripts/lib/public-packages.mjs'
import { root } from '../../scripts/lib/root.mjs'
import { seconds } from '../../scripts/lib/step.mjs'
import { writePages } from './pages.mjs'

const OUT = join(root, '.cache/site')
const PAGES = join(root, '.cache/pages')
/** Languages of blocks that get colours; others are shown as they are. */
const COLOURED =
  'ts tsx js mjs json jsonc sh bash yaml ini toml lua http html css sql nginx docker diff xml'.split(' ')
/** Those of comments that come with the types of Node, where an interface extends one of its own. */
const UNCOLOURED = 'console text mjs cjs c cpp powershell shell'.split(' ')

const startedAtMs = performance.now()
const entries = publicPackages().flatMap((one) => one.entries)
const { readme, documents, groups, names, languages } = writePages(PAGES)

const app = await Application.bootstrap({
  name: 'Leasehold',
  tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)),
  entryPoints: entries.map(({ source }) => source),
  // Types are checked elsewhere, by the TypeScript that builds the packages.
  skipErrorChecking: true,
  router: 'pages',
  readme,
  projectDocuments: documents,
  groupOrder: [...groups, 'Modules', '*'],
  sort: ['documents-first', 'source-order'],
  sortEntryPoints: false,
  navigation: { includeGroups: true, includeFolders: false },
  searchInDocuments: true,
  searchInComments: true,
  customCss: fileURLToPath(new URL('style.css', import.meta.url)),
  highlightLanguages: COLOURED,
  ignoredHighlightLanguages: [...UNCOLOURED, ...languages].filter((name) => !COLOURED.includes(name)),
  disableSources: true,
  customJs: fileURLToPath(new URL('open-groups.js', import.meta.url)),
  disableGit: true,
  excludePrivate: true,
  excludeInternal: true,
  excludeExternals: true,
  // What a node's class says of its own constructor is for nobody: nodes come from createNode.
  visibilityFilters: {},
  headings: { readme: false, document: false },
  hideGenerator: true,
  includeVersion: false,
  validation: {
    notExported: false,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: false,
  },
  treatWarningsAsErrors: true,
  logLevel: 'Warn',
})

app.renderer.defineRouter(
  'pages',
  /** A page has the address of its file, whatever its title is by now. */
  class extends KindRouter {
    getIdealBaseName(reflection) {
      const name = reflection.isDocument() ? names.get(reflection.name) : undefined
      return name ?? super.getIdealBaseName(reflection)
    }
  },
)
const project = await app.convert()
if (!project) process.exit(1)
nameModules(project)
rmSync(OUT, { recursive: true, force: true })
await app.generateDocs(project, OUT)
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1)
const pages = documents.length
console.log(
  `  ✓ ${relative(root, OUT)}: ${pages} pages, the API of ${entries.length} modules (${seconds(performance.now() - startedAtMs)})`,
)

/** Modules are named as they are imported, and not by where their source lies. */
function nameModules({ children = [] }) {
  const modules = children.filter(({ kind }) => kind === ReflectionKind.Module)
  for (const module of modules) {
    const paths = entries.filter(({ source }) => app.files.getReflectionPath(module) === source)
    if (paths.length === 1) module.name = paths[0].name
  }
}
