import { CompletionRule, CompletionStatus, TargetBasis, type Completion } from '@/gen/zonebench/indicator/v1/completion_pb'
import { grouped, percent, signed } from '@/text/decimal'
import { say, t } from '@/text/i18n'
import { comparatorSign, unmarked } from '@/text/word'

const statuses: Record<number, [key: string, sign: string]> = {
  [CompletionStatus.MET]: ['met', '✓'],
  [CompletionStatus.MISSED]: ['missed', '✗'],
  [CompletionStatus.PENDING]: ['pending', '…'],
  [CompletionStatus.UNKNOWN]: ['unknown', '?'],
}

export function statusKey(status: CompletionStatus): string {
  return statuses[status]?.[0] ?? 'unknown'
}

export function statusSign(status: CompletionStatus): string {
  return statuses[status]?.[1] ?? '?'
}

export function targetText(c: Completion): string {
  const sign = comparatorSign(c.targetComparator)
  if (c.targetNumber) return `${c.targetBasis === TargetBasis.IMPLIED ? '≈' : sign}${grouped(c.targetNumber)}`
  if (c.intervalLow) return `${grouped(c.intervalLow)}–${grouped(c.intervalHigh)}`
  return ''
}

/** How far: 完成率 of an amount, percentage points of a growth, the gap of a rate. */
export function doneText(c: Completion): string {
  switch (c.rule) {
    case CompletionRule.RATIO:
      return c.rate ? `${percent(c.rate)}%` : ''
    case CompletionRule.POINTS:
      return c.gap ? `${signed(c.gap)} ${t('common.percent_points')}` : ''
    case CompletionRule.GAP:
    case CompletionRule.MARGIN:
      return c.gap ? `${signed(c.gap)}${c.unit}` : ''
    default:
      return ''
  }
}

/** The indicator; growth says that it is growth, whose name is that of what grows. */
export function aimedAt(c: Completion): string {
  const name = unmarked(say(c.indicatorName))
  const suffix = t('ranking.growth_suffix')
  return c.rule === CompletionRule.POINTS && !name.endsWith(suffix) ? name + suffix : name
}
