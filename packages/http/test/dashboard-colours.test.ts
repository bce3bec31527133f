import { pageFiles } from '../src/dashboard/page.generated.js'

const css = pageFiles['dashboard.css'] ?? ''

/** The colours of a `:root` rule, by name. */
function coloursAfter(start: RegExp): Map<string, string> {
  const rule = css.slice(css.search(start)).match(/:root \{([^}]*)\}/)?.[1] ?? ''
  return new Map(
    [...rule.matchAll(/--([\w-]+): (#[\da-f]{6});/g)].map(([, name = '', value = '']) => [name, value]),
  )
}

const SCHEMES = {
  light: coloursAfter(/:root/),
  dark: coloursAfter(/@media \(prefers-color-scheme: dark\)/),
}

/** Relative luminance as WCAG 2 defines it. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

/** Text needs 4.5, what is drawn 3. */
const MEETINGS: [string, string, number][] = [
  ['ink', 'ground', 4.5],
  ['ink', 'card', 4.5],
  ['ink', 'lead-soft', 4.5],
  ['quiet', 'ground', 4.5],
  ['quiet', 'card', 4.5],
  ['lead', 'lead-soft', 4.5],
  ['on-lead', 'lead', 4.5],
  ['warn', 'warn-soft', 4.5],
  ['bad', 'bad-soft', 4.5],
  ['lead', 'ground', 3],
  ['bad', 'ground', 3],
  ['edge', 'ground', 3],
  ['edge', 'card', 3],
  ['chart', 'card', 3],
  ['chart', 'chart-soft', 3],
  ['focus', 'ground', 3],
  ['focus', 'card', 3],
]

it('knows how black and white differ', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
})

it('both schemes have the same colours', () => {
  expect(SCHEMES.light.size).toBeGreaterThan(10)
  expect([...SCHEMES.dark.keys()]).toEqual([...SCHEMES.light.keys()])
  expect(new Set(MEETINGS.flat())).toEqual(
    new Set([...SCHEMES.light.keys(), 4.5, 3].filter((name) => name !== 'line')),
  )
})

it('no colour is spelled anywhere else', () => {
  const rules = css.replaceAll(/:root \{[^}]*\}/g, '')
  expect(rules.match(/#[\da-f]{3,8}\b/gi)).toBeNull()
})

describe.each(['light', 'dark'] as const)('in the %s scheme', (scheme) => {
  it.each(MEETINGS)('%s on %s has a contrast of at least %d', (front, back, least) => {
    const [one = '', other = ''] = [SCHEMES[scheme].get(front), SCHEMES[scheme].get(back)]
    expect(contrast(one, other)).toBeGreaterThanOrEqual(least)
  })
})
