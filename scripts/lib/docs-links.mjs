import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { anchorsOf, linksOf } from './markdown.mjs'
import { root } from './root.mjs'

/** What is wrong with the relative links of these files: a target that is not there, or has no such heading. */
export function linkProblems(files, folder = root) {
  return files.flatMap(({ path, text }) =>
    linksOf(text)
      .filter(({ to }) => !/^[a-z][a-z+.-]*:/i.test(to))
      .flatMap(({ to, line }) => {
        const [file, anchor] = to.split('#')
        const target = file === '' ? join(folder, path) : join(folder, dirname(path), decodeURI(file))
        const where = `${path}:${line}: ${to}`
        if (!existsSync(target)) return [`${where}: there is no ${relative(folder, target)}`]
        if (relative(folder, target).startsWith('..')) return [`${where}: leads out of the repository`]
        if (anchor === undefined || statSync(target).isDirectory() || !target.endsWith('.md')) return []
        const anchors = anchorsOf(readFileSync(target, 'utf8'))
        return anchors.includes(anchor) ? [] : [`${where}: no heading there has that anchor`]
      }),
  )
}
