const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Reads `500ms`, `10s`, `10m`, `2h`, `1d`, or seconds without a unit, as ms. Undefined for anything else. */
export function readDuration(text: string): number | undefined {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? []
  if (digits === undefined) return undefined
  return Math.round(Number(digits) * UNITS[unit as keyof typeof UNITS])
}

/** So many ms in the largest unit that does: `850 ms`, `12.3 s`, `10 min`, `2.5 h`. */
export function showDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${round(ms / 1000)} s`
  if (ms < 7_200_000) return `${round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${round(ms / 3_600_000)} h` : `${round(ms / 86_400_000)} d`
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}
