// 需调度事项: what a leader has to see to, the gravest first. Each is a fact of the answers, said in one line.
import { CompletionRule, CompletionStatus, type Completion } from '@/gen/zonebench/indicator/v1/completion_pb'
import { Ambition } from '@/gen/zonebench/indicator/v1/statement_pb'
import { Nature, type Indicator } from '@/gen/zonebench/indicator/v1/indicator_pb'
import type { GetProfileResponse } from '@/gen/zonebench/ranking/v1/live_ranking_service_pb'
import { GapReason } from '@/gen/zonebench/ranking/v1/ranking_pb'
import { compare, grouped, magnitude, sign } from '@/text/decimal'
import { say, t } from '@/text/i18n'
import { gapKey, unmarked } from '@/text/word'

export interface Matter {
  kind: 'missed' | 'behind' | 'gap' | 'below' | 'lost'
  /** Indicator or subject. */
  what: string
  /** The sentence behind it. */
  text: string
  weight: number
}

/** Growth is an indicator of its own under the name of what grows: the word is added. */
export function indicatorName(c: Completion, known: ReadonlyMap<string, Indicator> | undefined): string {
  const name = unmarked(say(c.indicatorName))
  return known?.get(c.indicator)?.nature === Nature.GROWTH ? name + t('ranking.growth_suffix') : name
}

const ambitionKey: Record<number, string> = {
  [Ambition.MUST]: 'must',
  [Ambition.EXPECTED]: 'expected',
  [Ambition.STRIVE]: 'strive',
}

/** 确保, 预期 or 力争: an indicator may have a target of each. Empty where none is printed. */
export function ambitionOf(c: Completion): string {
  const key = ambitionKey[c.targetKey?.ambition ?? 0]
  return key ? t(`home.ambition_${key}`) : ''
}

/** An amount that accrues over the year; shares, rates and growth have no even pace. */
export function paced(c: Completion): boolean {
  return c.rule === CompletionRule.RATIO && !!c.pace?.pointsAhead
}

export function matters(
  profile: GetProfileResponse | undefined,
  completions: readonly Completion[] | undefined,
  known: ReadonlyMap<string, Indicator> | undefined,
): Matter[] {
  const found: Matter[] = []
  for (const c of completions ?? []) {
    const what = [indicatorName(c, known), ambitionOf(c)].filter(Boolean).join(' · ')
    if (c.status === CompletionStatus.MISSED) {
      found.push({ kind: 'missed', what, text: t('home.missed'), weight: 100 })
    } else if (c.pace && paced(c) && sign(c.pace.pointsAhead) < 0) {
      const by = magnitude(c.pace.pointsAhead)
      found.push({ kind: 'behind', what, text: t('home.behind_pace', { n: grouped(by) }), weight: 60 + rank(by) })
    }
  }
  for (const h of profile?.headlines ?? []) {
    const what = unmarked(say(h.displayName))
    const gap = h.level?.gap ?? GapReason.UNSPECIFIED
    if (gap !== GapReason.UNSPECIFIED && gap !== GapReason.NOT_APPLICABLE && !h.level?.number) {
      found.push({ kind: 'gap', what, text: t(`word.gap.${gapKey(gap)}`), weight: 80 })
    }
    if (h.growthAboveReference && sign(h.growthAboveReference) < 0) {
      const by = magnitude(h.growthAboveReference)
      found.push({
        kind: 'below',
        what,
        text: t('home.below_reference', { who: unmarked(say(h.reference?.displayName)), n: grouped(by) }),
        weight: 30 + rank(by),
      })
    }
  }
  const s = profile?.standing
  if (s?.place && s.previousPlace && s.place > s.previousPlace) {
    found.push({ kind: 'lost', what: t('home.overall'), text: t('word.move.down', { n: s.place - s.previousPlace }), weight: 90 })
  }
  return found.sort((a, b) => b.weight - a.weight)
}

// Up to ten more for what is farther off.
function rank(by: string): number {
  for (let n = 10; n > 0; n--) if (compare(by, String(n)) >= 0) return n
  return 0
}
