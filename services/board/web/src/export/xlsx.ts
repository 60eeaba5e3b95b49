// Office Open XML (ECMA-376) at its smallest: one sheet, inline text, numbers as the decimals they are, in a ZIP archive
// that stores its parts as they are.
import { t } from '@/text/i18n'
import type { Sheet } from './table'

const table = new Uint32Array(256).map((_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c >>> 0
})

function crc(bytes: Uint8Array): number {
  let c = 0xffffffff
  for (const b of bytes) c = table[(c ^ b) & 0xff]! ^ (c >>> 8)
  return (c ^ 0xffffffff) >>> 0
}

interface Entry {
  name: Uint8Array
  content: Uint8Array
  sum: number
  offset: number
}

function zip(files: Record<string, string>): Blob {
  const text = new TextEncoder()
  const parts: Uint8Array[] = []
  const entries: Entry[] = []
  let offset = 0
  const put = (bytes: Uint8Array): void => {
    parts.push(bytes)
    offset += bytes.length
  }
  const numbers = (...fields: [value: number, size: 2 | 4][]): Uint8Array => {
    const bytes = new Uint8Array(fields.reduce((n, [, size]) => n + size, 0))
    const view = new DataView(bytes.buffer)
    let at = 0
    for (const [value, size] of fields) {
      if (size === 2) view.setUint16(at, value, true)
      else view.setUint32(at, value, true)
      at += size
    }
    return bytes
  }
  // The first moment that a ZIP can say, 1980-01-01: equal content is an equal file.
  const day = 0x21
  for (const [path, body] of Object.entries(files)) {
    const entry = { name: text.encode(path), content: text.encode(body), sum: 0, offset }
    entry.sum = crc(entry.content)
    entries.push(entry)
    const { length } = entry.content
    put(numbers([0x04034b50, 4], [20, 2], [0x0800, 2], [0, 2], [0, 2], [day, 2], [entry.sum, 4], [length, 4], [length, 4], [entry.name.length, 2], [0, 2]))
    put(entry.name)
    put(entry.content)
  }
  const start = offset
  for (const e of entries) {
    const { length } = e.content
    put(
      numbers(
        [0x02014b50, 4], [20, 2], [20, 2], [0x0800, 2], [0, 2], [0, 2], [day, 2], [e.sum, 4], [length, 4], [length, 4],
        [e.name.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [e.offset, 4],
      ),
    )
    put(e.name)
  }
  const size = offset - start
  put(numbers([0x06054b50, 4], [0, 2], [0, 2], [entries.length, 2], [entries.length, 2], [size, 4], [start, 4], [0, 2]))
  return new Blob(parts as BlobPart[], { type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' })
}

function escape(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    // Characters that XML 1.0 does not have.
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '')
}

function letter(column: number): string {
  let name = ''
  for (let n = column + 1; n > 0; n = Math.floor((n - 1) / 26)) name = String.fromCharCode(65 + ((n - 1) % 26)) + name
  return name
}

const isNumber = /^-?\d+(\.\d+)?$/

export function xlsx(sheet: Sheet): Blob {
  const text = (value: string, style: number): string =>
    `<c r="@" t="inlineStr" s="${style}"><is><t xml:space="preserve">${escape(value)}</t></is></c>`
  const lines: string[][] = []
  lines.push([text(sheet.title, 1)])
  lines.push([text([...sheet.notes, ...(sheet.simulated ? [t('word.simulated_note')] : [])].join(' · '), 3)])
  lines.push(sheet.header.map((title) => text(title, 2)))
  for (const row of sheet.rows) {
    lines.push(row.map((value, i) => (sheet.numeric[i] && isNumber.test(value) ? `<c r="@" s="0"><v>${value}</v></c>` : text(value, 0))))
  }
  const rows = lines
    .map((cells, r) => `<row r="${r + 1}">${cells.map((cell, c) => cell.replace('@', `${letter(c)}${r + 1}`)).join('')}</row>`)
    .join('')
  const width = (i: number): number => {
    const longest = Math.max(...[sheet.header[i] ?? '', ...sheet.rows.slice(0, 200).map((row) => row[i] ?? '')].map(columns))
    return Math.min(48, longest + 3)
  }
  const cols = sheet.header.map((_, i) => `<col min="${i + 1}" max="${i + 1}" width="${width(i)}" customWidth="1"/>`).join('')
  const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
  const packages = 'http://schemas.openxmlformats.org/package/2006'
  return zip({
    '[Content_Types].xml': `${declaration}<Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`,
    '_rels/.rels': `${declaration}<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `${declaration}<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="${escape(t('common.sheet'))}" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `${declaration}<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${office}/styles" Target="styles.xml"/></Relationships>`,
    'xl/styles.xml': `${declaration}<styleSheet xmlns="${main}"><fonts count="4"><font><sz val="11"/></font><font><b/><sz val="14"/></font><font><b/><sz val="11"/></font><font><i/><sz val="10"/><color rgb="FF5A667B"/></font></fonts><fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFEDF1F6"/></patternFill></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf/><xf fontId="1" applyFont="1"/><xf fontId="2" fillId="2" applyFont="1" applyFill="1"/><xf fontId="3" applyFont="1"/></cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': `${declaration}<worksheet xmlns="${main}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="3" topLeftCell="A4" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>${cols}</cols><sheetData>${rows}</sheetData></worksheet>`,
  })
}

/** Width of a text in columns of a fixed font: a Chinese character takes two. */
export function columns(text: string): number {
  let n = 0
  for (const c of text) n += c > '\u2e80' ? 2 : 1
  return n
}
