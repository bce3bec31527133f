import type { LeaseNotice } from '../elect/lease.js'
import { changeReason } from './replies.js'

/** Its kind, and of a vacant lease why it is, and who should run first. */
export function noticeText(notice: LeaseNotice): string {
  if (notice.kind !== 'vacant') return notice.kind
  return [notice.kind, notice.reason, notice.heir].filter((word) => word !== undefined).join(' ')
}

/** Undefined for what no instance of ours has sent: anybody may publish. */
export function readNotice(text: string): LeaseNotice | undefined {
  const [kind, word, heir] = text.split(' ')
  if (kind === 'taken' || kind === 'orders') return { kind }
  return kind === 'vacant' ? { kind, reason: changeReason(word), heir } : undefined
}
