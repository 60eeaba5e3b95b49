import type { PublishedPlace } from '@/gen/zonebench/ranking/v1/series_pb'
import { t } from '@/text/i18n'

/** A place as it was published: 第 45 位, between 31 and 217, named among the leading ones. */
export function placeText(p: PublishedPlace): string {
  if (p.place) return t('word.place', { n: p.place })
  if (p.placeAtLeast) return t('published.between', { from: p.placeAtLeast, to: p.placeAtMost })
  if (p.listed) return t('published.listed', { n: p.listed })
  return t('published.named')
}

/** The same in as little room as a cell of a table has. */
export function placeShort(p: PublishedPlace): string {
  if (p.place) return String(p.place)
  if (p.placeAtLeast) return `${p.placeAtLeast}–${p.placeAtMost}`
  return '★'
}

export function moveWord(p: PublishedPlace): string {
  if (p.move === undefined) return ''
  if (p.move === 0) return t('word.move.same')
  return p.move > 0 ? t('word.move.up', { n: p.move }) : t('word.move.down', { n: -p.move })
}
