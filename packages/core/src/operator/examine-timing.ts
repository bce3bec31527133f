import type { MemberView } from '../elect/members.js'
import type { ServerFacts } from '../redis/server-probe.js'
import { failure, type Finding, fine, skipped, warning } from './finding.js'
import { timingOf } from './group-report.js'

/** Clocks further apart than that confuse people who read logs. */
const SKEW_MS = 1000
/** A round trip that takes this share of the time there is for it is slow, and beyond that one it comes too late. */
const SLOW_SHARE = 0.25
const LATE_SHARE = 1

/** The times that are to hold, and where they are from. */
export interface ExpectedTiming {
  readonly leaseTtlMs: number
  readonly commandTimeoutMs: number
  readonly source: string
}

/** The given times, else the shortest that an instance goes by, else the defaults. */
export function expectedTiming(
  given: { readonly leaseTtlMs?: number; readonly commandTimeoutMs?: number },
  alive: readonly MemberView[],
  defaults: { readonly leaseTtlMs: number; readonly commandTimeoutMs: number },
): ExpectedTiming {
  const timings = alive.map(timingOf)
  const shortest = (key: 'leaseTtlMs' | 'commandTimeoutMs') =>
    given[key] ?? (timings.length > 0 ? Math.min(...timings.map((timing) => timing[key])) : defaults[key])
  return {
    leaseTtlMs: shortest('leaseTtlMs'),
    commandTimeoutMs: shortest('commandTimeoutMs'),
    source:
      given.leaseTtlMs !== undefined ? 'as given' : timings.length > 0 ? 'of the instances' : 'the default',
  }
}

/** How fast the server answers, against the times that instances go by, and what its clock says. */
export function examineTiming(facts: ServerFacts, timing: ExpectedTiming): Finding[] {
  return [latency(facts, timing), leaseTiming(facts, timing), ...fork(facts, timing), clock(facts)]
}

function latency({ plainMs, scriptMs }: ServerFacts, { commandTimeoutMs }: ExpectedTiming): Finding {
  const samples = Math.max(plainMs.length, scriptMs.length)
  if (samples === 0)
    return skipped('latency', 'Neither TIME nor scripts are allowed to this user, so it cannot be told.')
  const of = (what: string, took: readonly number[]) =>
    `${what} ${took.length > 0 ? p50p99(took) : 'forbidden'}`
  const found = `Round trips from here, ${samples} each: ${of('TIME', plainMs)}; ${of('a lease script', scriptMs)}. commandTimeoutMs is ${commandTimeoutMs}.`
  const slowest = Math.max(quantile(plainMs, 0.99), quantile(scriptMs, 0.99))
  return byShare(
    'latency',
    slowest / commandTimeoutMs,
    found,
    'Bring Redis nearer, find what keeps it busy (SLOWLOG GET), or raise commandTimeoutMs.',
  )
}

/** A lease command may take a fifth of the lease's time; then its node has no vote. */
function leaseTiming({ scriptMs }: ServerFacts, { leaseTtlMs, source }: ExpectedTiming): Finding {
  if (scriptMs.length === 0)
    return skipped('lease-timing', 'Scripts are forbidden to this user, so it cannot be told.')
  const allowedMs = leaseTtlMs / 5
  const p99 = quantile(scriptMs, 0.99)
  const found = `lease.ttlMs ${leaseTtlMs} (${source}) gives a renewal ${Math.floor(allowedMs)} ms; it takes ${ms(p99)} here (p99).`
  return byShare(
    'lease-timing',
    p99 / allowedMs,
    found,
    `Raise lease.ttlMs to ${roundUp(p99 * 5 * 5)} at least, or bring Redis nearer.`,
  )
}

/** A server that forks answers nobody meanwhile. */
function fork({ info }: ServerFacts, { leaseTtlMs }: ExpectedTiming): Finding[] {
  const usec = Number(info('latest_fork_usec') ?? Number.NaN)
  if (Number.isNaN(usec)) return []
  if (usec === 0) return [fine('fork', 'Redis has not forked since its start.')]
  const found = `The last fork, to save or to rewrite its file, held Redis up for ${ms(usec / 1000)}.`
  const fix = 'Give it less data or more memory, turn transparent huge pages off, or raise lease.ttlMs.'
  return [byShare('fork', usec / 1000 / (leaseTtlMs / 5), found, fix)]
}

function clock({ clockAheadMs, clockErrorMs }: ServerFacts): Finding {
  if (clockErrorMs === Number.POSITIVE_INFINITY)
    return skipped('clock', 'TIME is forbidden to this user, so it cannot be told.')
  const apart = Math.abs(clockAheadMs)
  const where = clockAheadMs > 0 ? 'ahead of' : 'behind'
  const found =
    apart <= Math.max(clockErrorMs, 5)
      ? 'The clocks of Redis and of this machine agree.'
      : `The clock of Redis is ${ms(apart)} ${where} that of this machine (±${ms(clockErrorMs)}).`
  if (apart - clockErrorMs < SKEW_MS) return fine('clock', found)
  const note = `${found} No promise rests on a clock, but times in the log are those of Redis.`
  return warning('clock', note, 'Set both by NTP.')
}

function byShare(
  subject: 'latency' | 'lease-timing' | 'fork',
  share: number,
  found: string,
  fix: string,
): Finding {
  if (share >= LATE_SHARE) return failure(subject, found, fix)
  return share >= SLOW_SHARE ? warning(subject, found, fix) : fine(subject, found)
}

/** Of values in order. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

function p50p99(sorted: readonly number[]): string {
  return `p50 ${ms(quantile(sorted, 0.5))}, p99 ${ms(quantile(sorted, 0.99))}`
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`
}

function roundUp(value: number): number {
  return Math.ceil(value / 500) * 500
}
