import type { Column } from '@/design/column'
import { GapReason, Mark, type Headline } from '@/gen/zonebench/ranking/v1/ranking_pb'
import type { Scheme } from '@/gen/zonebench/ranking/v1/scheme_pb'
import { say, t } from '@/text/i18n'
import { period } from '@/text/period'
import { gapKey, marked, unmarked } from '@/text/word'

/** Name of the group of the tree that a leaf hangs on; empty right below the root. */
export function groupOf(scheme: Scheme | undefined, node: string): string {
  const leaf = scheme?.nodes.find((n) => n.id === node)
  const group = scheme?.nodes.find((n) => n.id === leaf?.parent)
  return group?.parent ? unmarked(say(group.displayName)) : ''
}

export function markText(h: Headline): string {
  if (h.level?.mark === Mark.STRENGTH) return t('word.mark.strength')
  if (h.level?.mark === Mark.WEAKNESS) return t('word.mark.weakness')
  return ''
}

export function noteText(h: Headline): string {
  const c = h.level
  if (!c) return ''
  if (c.number && c.ageMonths > 0) return t('word.carried_note', { period: period(c.period) })
  return c.gap === GapReason.UNSPECIFIED ? '' : `${t(`word.gap.${gapKey(c.gap)}`)} ${say(c.reason)}`.trim()
}

export function contributionColumns(scheme: Scheme | undefined): Column<Headline>[] {
  return [
    { key: 'group', title: t('zone.group'), width: '8rem', text: (h) => groupOf(scheme, h.level?.node ?? '') },
    { key: 'name', title: t('ranking.of_indicator'), width: '12rem', text: (h) => marked(say(h.displayName), !!h.level?.simulated) },
    { key: 'number', title: t('ranking.value'), width: '7rem', numeric: true, text: (h) => h.level?.number ?? '' },
    { key: 'unit', title: t('zone.unit'), width: '5rem', text: (h) => h.unit },
    { key: 'place', title: t('ranking.place'), width: '5rem', numeric: true, text: (h) => (h.level?.place ? String(h.level.place) : '') },
    { key: 'growth', title: t('ranking.growth'), width: '5rem', numeric: true, unit: '%', text: (h) => h.growth?.number ?? '' },
    { key: 'growth_place', title: t('zone.growth_place'), width: '5rem', numeric: true, text: (h) => (h.growth?.place ? String(h.growth.place) : '') },
    { key: 'score', title: t('zone.leaf_score'), width: '5rem', numeric: true, text: (h) => h.level?.score ?? '' },
    { key: 'points', title: t('ranking.points'), width: '5rem', numeric: true, text: (h) => h.level?.points ?? '' },
    { key: 'mark', title: t('zone.mark'), width: '5rem', text: markText },
    { key: 'note', title: t('ranking.note'), width: '10rem', text: noteText },
  ]
}
