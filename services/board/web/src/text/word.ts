// Enums of the contracts as keys of word.json.
import { Comparator } from '@/gen/zonebench/type/v1/value_pb'
import { GapReason, type Ranking } from '@/gen/zonebench/ranking/v1/ranking_pb'
import { say, t } from './i18n'
import { period } from './period'

/** not_reported, in_review, ...; empty for a cell that has its number. */
export function gapKey(gap: GapReason): string {
  return gap === GapReason.UNSPECIFIED ? '' : (GapReason[gap] ?? '').toLowerCase()
}

const signs: Record<number, string> = {
  [Comparator.AT_LEAST]: '≥',
  [Comparator.MORE_THAN]: '>',
  [Comparator.AT_MOST]: '≤',
  [Comparator.LESS_THAN]: '<',
  [Comparator.ABOUT]: '≈',
}

/** The sign before a number, nothing before a plain one. */
export function comparatorSign(comparator: Comparator): string {
  return signs[comparator] ?? ''
}

const mark = '〔模拟〕'

/** A name that says that it is simulated, once. */
export function marked(name: string, simulated: boolean): string {
  return simulated && !name.endsWith(mark) ? name + mark : name
}

/** A simulated name without its mark, where the mark stands beside it anyway. */
export function unmarked(name: string): string {
  return name.endsWith(mark) ? name.slice(0, -mark.length) : name
}

/** A ranking by its name and period; many names say the period themselves. */
export function titled(ranking: Ranking | undefined): string {
  if (!ranking) return ''
  const name = unmarked(say(ranking.displayName))
  return name.includes(ranking.period.slice(0, 4)) ? name : `${name} · ${period(ranking.period)}`
}

/** 第 3 位. */
export function placeWord(place: number): string {
  return place > 0 ? t('word.place', { n: place }) : t('word.no_place_short')
}
