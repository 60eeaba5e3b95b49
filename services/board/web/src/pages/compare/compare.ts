import { Difference, MissingReason, type Cell, type Column as Concept, type Comparison } from '@/gen/zonebench/ranking/v1/comparison_pb'
import type { CompareZonesResponse } from '@/gen/zonebench/ranking/v1/ranking_service_pb'
import { Nature } from '@/gen/zonebench/indicator/v1/indicator_pb'
import { say, t } from '@/text/i18n'
import { unmarked } from '@/text/word'

/** What a column of the matrix and a comparison are about. */
export const conceptKey = (c: Pick<Concept | Comparison, 'indicator' | 'nature' | 'unit' | 'displayName'>): string =>
  `${c.indicator}~${c.nature}~${c.unit}~${c.displayName?.zh ?? ''}`

/** 规上工业增加值增速: growth says so. */
export function conceptName(c: Pick<Concept | Comparison, 'displayName' | 'nature'>): string {
  const name = unmarked(say(c.displayName))
  return c.nature === Nature.GROWTH ? name + t('ranking.growth_suffix') : name
}

export function missingWords(cell: Cell): string[] {
  return cell.missingReasons.map((r) => t(`compare.missing_${MissingReason[r]!.toLowerCase()}`))
}

export function differenceWords(list: readonly Difference[]): string[] {
  return list.map((d) => t(`compare.difference_${Difference[d]!.toLowerCase()}`))
}

const mostAxes = 14

/** Strict comparisons of at least two numbers, which can stand side by side as axes. */
export function strictAxes(answer: CompareZonesResponse): Comparison[] {
  return answer.strict.filter((c) => c.rows.filter((r) => r.number).length > 1).slice(0, mostAxes)
}
