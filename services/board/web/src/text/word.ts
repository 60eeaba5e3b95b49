// Enums of the contracts as keys of word.json.
import { Comparator } from '@/gen/zonebench/type/v1/value_pb'
import { GapReason, type Ranking } from '@/gen/zonebench/ranking/v1/ranking_pb'
import { language, say, t } from './i18n'
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

// Symbols of units that English readers need in other words; the rest is the same in both languages.
const englishUnits: Record<string, string> = {
  亿元: '¥100m',
  万元: '¥10k',
  元: '¥',
  亿美元: '$100m',
  万美元: '$10k',
  个: '',
  家: '',
  名: '',
  户: '',
  项: '',
  人: 'people',
  万人: '10k people',
  天: 'days',
  小时: 'hours',
  分钟: 'min',
  个工作日: 'working days',
  亩: 'mu',
  '万元/亩': '¥10k/mu',
  '吨标准煤/万元': 'tce/¥10k',
  万千瓦时: '10 MWh',
  吨: 't',
  万吨: '10 kt',
}

/** A unit in the language of the screen. */
export function unitWord(unit: string): string {
  return language.value === 'en' ? (englishUnits[unit] ?? unit) : unit
}

/** 第 3 位. */
export function placeWord(place: number): string {
  return place > 0 ? t('word.place', { n: place }) : t('word.no_place_short')
}
