/** The straight line through some points, by least squares: what is paid at all, and what for each follower. */
export function lineThrough(points) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(points.map((point) => point.x)), mean(points.map((point) => point.y))]
  const each =
    points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) /
    points.reduce((sum, point) => sum + (point.x - x) ** 2, 0)
  return { fixed: y - each * x, each, at: (followers) => y + each * (followers - x) }
}
