import { t } from '@/text/i18n'
import type { Sheet } from './table'

// A spreadsheet runs what begins like a formula: text is told apart from it, numbers are left alone.
export function harmless(text: string, numeric: boolean): string {
  return !numeric && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text
}

/** CSV as spreadsheets in offices open it: UTF-8 with a byte order mark, notes behind the rows. */
export function csv(sheet: Sheet): string {
  const lines = [sheet.header, ...sheet.rows.map((row) => row.map((text, i) => harmless(text, sheet.numeric[i] ?? false)))]
  const notes = [sheet.title, ...sheet.notes, ...(sheet.simulated ? [t('word.simulated_note')] : [])]
  return '\ufeff' + [...lines.map((row) => row.map(field).join(',')), '', ...notes.map((n) => field(harmless(n, false)))].join('\r\n') + '\r\n'
}
