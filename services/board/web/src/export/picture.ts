// A table or a chart as SVG and PNG, with what makes it readable on its own: title, state, data cut, version, and the
// mark of simulated data across it.
import { t } from '@/text/i18n'
import type { Sheet } from './table'
import { columns } from './xlsx'

export interface Picture {
  svg: string
  width: number
  height: number
}

const family = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif"
const ink = '#152033'
const quiet = '#5a667b'
const line = '#dbe2ec'
const brand = '#12498c'

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

function frame(sheet: Pick<Sheet, 'title' | 'notes' | 'simulated'>, width: number, height: number, inside: string): Picture {
  const head = 76
  const foot = 40
  const full = height + head + foot
  const notes = sheet.notes.join(' · ')
  const mark = t('word.simulated')
  let marks = ''
  if (sheet.simulated) {
    for (let y = 120; y < full; y += 200) {
      for (let x = 140; x < width; x += 320) {
        marks += `<text x="${x}" y="${y}" transform="rotate(-24 ${x} ${y})" text-anchor="middle" font-size="34" font-weight="600" fill="${ink}" fill-opacity="0.07">${escape(mark)}</text>`
      }
    }
  }
  const source = sheet.simulated ? t('word.simulated_note') : t('common.made_by')
  return {
    width,
    height: full,
    svg:
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${full}" viewBox="0 0 ${width} ${full}" font-family="${family}">` +
      `<rect width="${width}" height="${full}" fill="#ffffff"/><rect width="${width}" height="5" fill="${brand}"/>` +
      `<text x="24" y="38" font-size="20" font-weight="650" fill="${ink}">${escape(sheet.title)}</text>` +
      `<text x="24" y="60" font-size="12" fill="${quiet}">${escape(notes)}</text>` +
      `<g transform="translate(0 ${head})">${inside}</g>${marks}` +
      `<text x="24" y="${full - 16}" font-size="11" fill="${quiet}">${escape(source)}</text></svg>`,
  }
}

function cut(text: string, width: number): string {
  if (columns(text) * 6.6 <= width) return text
  let short = ''
  for (const c of text) {
    if ((columns(short + c) + 1) * 6.6 > width) break
    short += c
  }
  return short + '…'
}

export function tablePicture(sheet: Sheet, most = 60): Picture {
  const rows = sheet.rows.slice(0, most)
  const widths = sheet.header.map((title, i) =>
    Math.min(320, Math.max(...[title, ...rows.map((row) => row[i] ?? '')].map(columns)) * 7 + 26),
  )
  const width = Math.max(640, widths.reduce((a, b) => a + b, 0) + 48)
  const step = 28
  const starts: number[] = []
  widths.reduce((x, w) => (starts.push(x), x + w), 24)
  const cell = (text: string, i: number, y: number, more: string): string => {
    const right = sheet.numeric[i]
    const x = right ? starts[i]! + widths[i]! - 14 : starts[i]!
    return `<text x="${x}" y="${y}" font-size="13" ${right ? 'text-anchor="end" ' : ''}${more}>${escape(cut(text, widths[i]! - 8))}</text>`
  }
  let inside = `<rect x="12" y="0" width="${width - 24}" height="${step}" fill="#edf1f6"/>`
  inside += sheet.header.map((title, i) => cell(title, i, 19, `fill="${quiet}"`)).join('')
  rows.forEach((row, r) => {
    const y = step * (r + 1)
    inside += `<line x1="12" x2="${width - 12}" y1="${y + step}" y2="${y + step}" stroke="${line}"/>`
    inside += row.map((text, i) => cell(text, i, y + 19, `fill="${ink}"`)).join('')
  })
  let height = step * (rows.length + 1)
  if (sheet.rows.length > rows.length) {
    inside += `<text x="24" y="${height + 20}" font-size="12" fill="${quiet}">${escape(t('common.more_rows', { n: sheet.rows.length - rows.length }))}</text>`
    height += step
  }
  return frame(sheet, width, height, inside)
}

/** A chart that was drawn as SVG, in the same frame. */
export function chartPicture(about: Pick<Sheet, 'title' | 'notes' | 'simulated'>, chart: string, width: number, height: number): Picture {
  return frame(about, Math.max(640, width), height, chart.replace(/^<\?xml[^>]*\?>/, ''))
}

export async function png(picture: Picture): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([picture.svg], { type: 'image/svg+xml;charset=utf-8' }))
  try {
    const image = new Image()
    image.src = url
    await image.decode()
    const scale = 2
    const canvas = document.createElement('canvas')
    canvas.width = picture.width * scale
    canvas.height = picture.height * scale
    const context = canvas.getContext('2d')
    if (!context) throw new Error('this browser cannot draw pictures')
    context.scale(scale, scale)
    context.drawImage(image, 0, 0, picture.width, picture.height)
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('this browser cannot make a PNG'))), 'image/png')
    })
  } finally {
    URL.revokeObjectURL(url)
  }
}
