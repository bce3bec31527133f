export { createRegistry, type MeasuredNode, type MetricsRegistry, registerMetrics } from './registry.js'
