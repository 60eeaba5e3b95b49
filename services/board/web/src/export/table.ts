// What is seen, as a file. A page says what it shows once, as a Sheet; the files and the picture are made from that.
import type { Column } from '@/design/column'

export interface Sheet {
  /** Name of the file, without its ending. */
  file: string
  title: string
  /** State, data cut, version: what a reader must know beside the rows. */
  notes: readonly string[]
  simulated: boolean
  header: readonly string[]
  rows: readonly (readonly string[])[]
  numeric: readonly boolean[]
}

export function sheetOf<Row>(
  about: Pick<Sheet, 'file' | 'title' | 'notes' | 'simulated'>,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Sheet {
  return {
    ...about,
    header: columns.map((c) => (c.unit ? `${c.title}(${c.unit})` : c.title)),
    rows: rows.map((row) => columns.map((c) => c.text(row))),
    numeric: columns.map((c) => c.numeric ?? false),
  }
}
