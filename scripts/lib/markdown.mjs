/**
 * The fenced blocks of a text, in order: `{ language, info, code, line, comment }`. `info` is what follows the language in
 * its first line, `comment` that of an HTML comment which ends right above it.
 */
export function fencedBlocks(text) {
  const blocks = []
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const open = /^( *)(`{3,}|~{3,})\s*(\S*)\s*(.*)$/.exec(lines[at])
    if (!open) continue
    const [, indent, fence, language, info] = open
    const start = at
    const code = []
    while (++at < lines.length && lines[at].trim() !== fence) code.push(lines[at].slice(indent.length))
    const above = lines.slice(0, start).join('\n').trimEnd()
    const comment = /<!--((?:(?!-->)[\s\S])*)-->$/.exec(above)?.[1].trim() ?? ''
    blocks.push({ language, info: info.trim(), code: `${code.join('\n')}\n`, line: start + 1, comment })
  }
  return blocks
}

/** The text with fenced blocks, code spans and comments blanked out; lines stay where they are. */
export function proseOf(text) {
  const blank = (found) => found.replaceAll(/[^\n]/g, ' ')
  return text
    .replaceAll(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\2[ \t]*$/gm, blank)
    .replaceAll(/<!--[\s\S]*?-->/g, blank)
    .replaceAll(/(`+)(?!`)[^\n]*?[^`\n]\1(?!`)/g, blank)
}

/** The anchors of a text's headings, as GitHub makes them. */
export function anchorsOf(text) {
  const seen = new Map()
  const withoutBlocks = text.replaceAll(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\2[ \t]*$/gm, '')
  return [...withoutBlocks.matchAll(/^#{1,6} +(.+?)\s*$/gm)].map(([, heading]) => {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = words.replaceAll(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    return count === 0 ? slug : `${slug}-${count}`
  })
}

/** The targets of links and images, with the line of each. */
export function linksOf(text) {
  const prose = proseOf(text)
  const found = [
    ...prose.matchAll(/\]\(\s*<?([^()\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
  ]
  return found.map((one) => ({ to: one[1], line: prose.slice(0, one.index).split('\n').length }))
}
