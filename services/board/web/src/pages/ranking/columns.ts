import type { Column } from '@/design/column'
import type { PastPlace, Standing } from '@/gen/zonebench/ranking/v1/ranking_pb'
import { magnitude, percent } from '@/text/decimal'
import { say, t } from '@/text/i18n'
import { marked } from '@/text/word'

/** The name of a row with its mark, when it is simulated. */
export function nameOf(row: { displayName?: Standing['displayName']; simulated: boolean }): string {
  return marked(say(row.displayName), row.simulated)
}

export function moveText(row: Standing): string {
  if (!row.place) return ''
  if (!row.previousPlace) return t('word.move.new')
  const by = row.previousPlace - row.place
  if (by === 0) return t('word.move.same')
  return by > 0 ? t('word.move.up', { n: by }) : t('word.move.down', { n: -by })
}

/** Places oldest first, with the one of now at the end. */
export function line(row: Standing, history: readonly PastPlace[] | undefined): number[] {
  return [...(history ?? []).map((p) => p.place), row.place]
}

export function standingColumns(histories: ReadonlyMap<string, readonly PastPlace[]> | undefined): Column<Standing>[] {
  return [
    { key: 'place', title: t('ranking.place'), width: '4.25rem', text: (r) => (r.place ? String(r.place) : ''), numeric: true, align: 'left' },
    { key: 'move', title: t('ranking.move'), width: '2.75rem', text: moveText },
    { key: 'name', title: t('common.zone'), width: 'minmax(6rem, 1.3fr)', text: nameOf },
    { key: 'score', title: t('ranking.score'), width: '4.25rem', align: 'right', text: (r) => r.score, numeric: true, unit: t('common.points') },
    { key: 'ahead', title: t('ranking.gap_ahead'), width: '6rem', align: 'right', from: 52, text: (r) => r.gapAhead, numeric: true },
    { key: 'behind', title: t('ranking.gap_behind'), width: '6rem', align: 'right', from: 60, text: (r) => magnitude(r.gapBehind), numeric: true },
    {
      key: 'completeness',
      title: t('common.completeness'),
      width: '9rem',
      from: 44,
      text: (r) => (r.completeness ? `${percent(r.completeness)}%` : ''),
    },
    {
      key: 'history',
      title: t('ranking.history'),
      width: '7rem',
      from: 68,
      text: (r) => line(r, histories?.get(r.subject)).map((p) => p || '–').join(' '),
    },
    { key: 'note', title: t('ranking.note'), width: 'minmax(6rem, 1fr)', from: 80, text: (r) => say(r.reason) },
  ]
}
