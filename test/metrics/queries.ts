import { parse } from 'yaml'
import { textOf } from '../structure/source-files.js'

/** One metric that an expression asks for, with every label by which it does. */
export interface Query {
  readonly metric: string
  readonly labels: readonly string[]
}

/** A rule of an alert. */
export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly annotations: { readonly list: readonly { readonly expr: string; readonly titleFormat: string }[] }
  readonly templating: { readonly list: readonly { readonly name: string; readonly query?: unknown }[] }
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly type: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets?: readonly {
      readonly expr: string
      readonly legendFormat?: string
      readonly refId: string
    }[]
  }[]
}

/** @throws SyntaxError if it is not JSON. */
export function readDashboard(): Dashboard {
  return JSON.parse(textOf('deploy/grafana/leasehold.json') ?? '') as Dashboard
}

/** All alerts of all groups. @throws Error if it is not YAML. */
export function readAlerts(): Alert[] {
  const { groups } = parse(textOf('deploy/prometheus/leasehold.rules.yml') ?? '') as {
    groups: { name: string; rules: Alert[] }[]
  }
  return groups.flatMap(({ rules }) => rules)
}

/**
 * What an expression, or all expressions of a dashboard, ask for. A label that a selector does not name, but a `by` or a
 * legend does, has to be one of every metric of that expression.
 */
export function queriesIn(where: string | Dashboard): Query[] {
  if (typeof where === 'string') return queriesOf(where, [])
  const ofVariables = where.templating.list.flatMap(({ query }) => queriesOf(JSON.stringify(query ?? ''), []))
  const ofPanels = where.panels.flatMap(({ targets = [] }) =>
    targets.flatMap(({ expr, legendFormat = '' }) => queriesOf(expr, legendLabels(legendFormat))),
  )
  const ofAnnotations = where.annotations.list.flatMap(({ expr, titleFormat }) =>
    queriesOf(expr, legendLabels(titleFormat)),
  )
  return [...ofVariables, ...ofPanels, ...ofAnnotations]
}

function queriesOf(expr: string, shown: readonly string[]): Query[] {
  const grouped = [...expr.matchAll(/\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)/g)]
  const groupLabels = grouped.flatMap(([, list = '']) => list.split(',').map((label) => label.trim()))
  return [...expr.matchAll(/\b(leasehold_\w+)(?:\{([^}]*)\})?/g)].map(([, metric = '', selector = '']) => {
    const selected = [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label)
    const labels = [...selected, ...groupLabels, ...shown].filter((label) => label !== '')
    return { metric, labels: [...new Set(labels)] }
  })
}

function legendLabels(legend: string): string[] {
  return [...legend.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, label = '']) => label)
}
