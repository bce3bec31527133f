import { counterFamilies } from './counters.js'
import type { Family } from './family.js'
import { gaugeFamilies } from './gauges.js'
import { histogramFamilies } from './histograms.js'

/** Every metric that there is, in the order of docs/metrics.md. */
export const FAMILIES: readonly Family[] = [...gaugeFamilies, ...counterFamilies, ...histogramFamilies]
