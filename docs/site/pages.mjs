import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fencedBlocks } from '../../scripts/lib/markdown.mjs'
import { root } from '../../scripts/lib/root.mjs'

const DOCS = join(root, 'docs')
const NAVIGATION = JSON.parse(readFileSync(join(DOCS, 'navigation.json'), 'utf8'))

/**
 * The pages in the order of the navigation, as `{ source, name, group }`: those of docs/navigation.json that exist, then all
 * that it does not name, then the examples.
 */
export function listPages(folder = DOCS) {
  const existing = readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => basename(file, '.md'))
  const named = NAVIGATION.flatMap(({ title, pages }) => pages.map((name) => ({ name, group: title })))
  const others = existing.filter((name) => !named.some((page) => page.name === name))
  const examples = readdirSync(join(root, 'examples'))
    .map((name) => ({
      name: `example-${name}`,
      group: 'Examples',
      source: join(root, 'examples', name, 'README.md'),
    }))
    .filter(({ source }) => existsSync(source))
  return [
    ...named.filter(({ name }) => existing.includes(name)),
    ...others.map((name) => ({ name, group: 'More' })),
    ...examples,
  ].map((page) => ({ source: join(folder, `${page.name}.md`), ...page }))
}

/** Writes the pages for TypeDoc: flat, with their titles and groups, their links among themselves, and diagrams within. */
export function writePages(folder) {
  const pages = listPages()
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const targets = new Map(pages.map(({ source, name }) => [source, `${name}.md`]))
  targets.set(join(root, 'README.md'), 'README.md')
  const languages = new Set()
  const convert = (source) => {
    const text = readFileSync(source, 'utf8')
    for (const { language } of fencedBlocks(text)) if (language !== '') languages.add(language)
    const linked = withPlainHeadings(withLinks(text, source, targets))
    return withPictures(withDiagrams(linked, source), source, folder)
  }

  const names = new Map()
  for (const { source, name, group } of pages) {
    const text = convert(source)
    const title = titleOf(source)
    names.set(title, name)
    writeFileSync(
      join(folder, `${name}.md`),
      `---\ntitle: ${JSON.stringify(title)}\ngroup: ${JSON.stringify(group)}\n---\n\n${text}`,
    )
  }
  const readme = join(folder, 'README.md')
  writeFileSync(readme, convert(join(root, 'README.md')))
  return {
    readme,
    documents: pages.map(({ name }) => join(folder, `${name}.md`)),
    names,
    languages: [...languages],
    groups: [...new Set(pages.map(({ group }) => group))],
  }
}

function titleOf(source) {
  return /^# (.+)$/m.exec(readFileSync(source, 'utf8'))?.[1] ?? basename(source, '.md')
}

/** Links to pages lead to their copies; those to other files of the repository become what they are, text. */
function withLinks(text, source, targets) {
  return outsideCode(text, (part) =>
    part.replaceAll(/(?<!!)\[((?:[^\][]|\[[^\]]*\])*)\]\(([^()\s]+)\)/g, (link, label, to) => {
      if (/^(?:[a-z]+:|#)/.test(to)) return link
      const [path, anchor = ''] = to.split('#')
      const target = targets.get(join(dirname(source), path))
      if (!target) return label
      const text = /^[\w./-]+\.md$/.test(label) ? titleOf(join(dirname(source), path)) : label
      return `[${text}](${target}${anchor && `#${anchor}`})`
    }),
  )
}

/** A diagram stands in the page itself, so that it has the colours of the theme that the reader has chosen. */
function withDiagrams(text, source) {
  return text.replaceAll(/^!\[([^\]]*)\]\(([^()\s]+\.svg)\)$/gm, (_, label, to) => {
    const svg = readFileSync(join(dirname(source), to), 'utf8')
      .replace(/<style>[\s\S]*?<\/style>/, '')
      .replaceAll(/\n\s*/g, ' ')
    return `<figure class="diagram">${svg.trim()}</figure>`
  })
}

/** A picture is copied beside the pages, from where TypeDoc takes it. */
function withPictures(text, source, folder) {
  return text.replaceAll(/^!\[([^\]]*)\]\(([^():\s]+\.png)\)$/gm, (_, label, to) => {
    copyFileSync(join(dirname(source), to), join(folder, basename(to)))
    return `![${label}](${basename(to)})`
  })
}

/** The list of headings beside a page leaves out what stands in code there. */
function withPlainHeadings(text) {
  return outsideCode(text, (part) => part.replaceAll(/^#+ .*$/gm, (heading) => heading.replaceAll('`', '')))
}

/** Changes what stands outside of fenced blocks. */
function outsideCode(text, change) {
  return text
    .split(/^(```[\s\S]*?^```\s*$)/m)
    .map((part, at) => (at % 2 === 0 ? change(part) : part))
    .join('')
}
