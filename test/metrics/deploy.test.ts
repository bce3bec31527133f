import { readAlerts, readDashboard } from './queries.js'

it.each(readAlerts().map((alert) => [alert.alert, alert] as const))(
  '%s speaks of labels that its expression keeps, and says how bad it is',
  (name, { expr, labels, annotations }) => {
    expect(name).toMatch(/^Leasehold[A-Z]\w+$/)
    expect(['critical', 'warning', 'info']).toContain(labels.severity)
    const [, kept = ''] = /\bby \(([^)]*)\)/.exec(expr) ?? []
    const shown = `${annotations.summary} ${annotations.description}`.matchAll(/\$labels\.(\w+)/g)
    for (const [, label] of shown) expect(kept.split(', ')).toContain(label)
    expect(annotations.summary.length).toBeLessThan(100)
  },
)

it('no two alerts, nor two panels, are the same', () => {
  const names = readAlerts().map(({ alert }) => alert)
  expect(new Set(names).size).toBe(names.length)
  const { panels } = readDashboard()
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
})

it('every panel asks for something, of the data source and the groups that were chosen', () => {
  const panels = readDashboard().panels.filter(({ type }) => type !== 'row')
  expect(panels.length).toBeGreaterThan(30)
  for (const { targets = [] } of panels) {
    expect(targets.length).toBeGreaterThan(0)
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
    for (const { expr } of targets)
      for (const [selector] of expr.matchAll(/leasehold_\w+(\{[^}]*\})?/g))
        expect(selector).toContain('group=~"$group"')
  }
})

it('no panel lies on another', () => {
  const cells = new Set<string>()
  for (const { gridPos, title } of readDashboard().panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        const cell = `${x},${y}`
        expect(cells.has(cell) ? `${title} at ${cell}` : undefined).toBeUndefined()
        cells.add(cell)
      }
})
