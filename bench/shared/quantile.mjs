/** The smallest value that is not exceeded by this share of them. */
export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

export const median = (values) => quantile(values, 0.5)
