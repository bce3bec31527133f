/** Spans of a node for OpenTelemetry. */
export { createOtelTracer, type OtelTracerOptions } from './otel-tracer.js'
