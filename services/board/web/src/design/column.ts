/** A column of a table: what stands in it on the screen and in a file. */
export interface Column<Row> {
  key: string
  title: string
  /** A track of a CSS grid: 4rem, minmax(8rem, 1fr). */
  width: string
  align?: 'left' | 'right' | 'center'
  /** Left out where the table is narrower, in rem. */
  from?: number
  /** What stands in a file, and in a cell that has no slot of its own. */
  text: (row: Row) => string
  /** A decimal, which a spreadsheet can add up. */
  numeric?: boolean
  /** Unit, said once in the header. */
  unit?: string
  /** Only in files. */
  hidden?: boolean
}
