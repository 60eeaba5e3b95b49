// Periods in the notation of FigureKey.period, for people.
import { language } from './i18n'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const quarters = ['一', '二', '三', '四']
const seasons: Record<string, [string, string]> = {
  '21': ['春', 'spring'],
  '22': ['夏', 'summer'],
  '23': ['秋', 'autumn'],
  '24': ['冬', 'winter'],
}

function one(text: string, cumulative: boolean, zh: boolean): string {
  let m = /^(\d{4})$/.exec(text)
  if (m) return zh ? `${m[1]}年` : m[1]!
  if ((m = /^(\d{4})-S([12])$/.exec(text))) {
    if (zh) return `${m[1]}年${m[2] === '1' ? '上' : '下'}半年`
    return `H${m[2]} ${m[1]}`
  }
  if ((m = /^(\d{4})-Q([1-4])$/.exec(text))) {
    if (cumulative && m[2] !== '1') return zh ? `${m[1]}年前${quarters[Number(m[2]) - 1]}季度` : `Q1–Q${m[2]} ${m[1]}`
    return zh ? `${m[1]}年${quarters[Number(m[2]) - 1]}季度` : `Q${m[2]} ${m[1]}`
  }
  if ((m = /^(\d{4})-W(\d{2})$/.exec(text))) return zh ? `${m[1]}年第${Number(m[2])}周` : `week ${Number(m[2])}, ${m[1]}`
  if ((m = /^(\d{4})-(2[1-4])$/.exec(text))) {
    const season = seasons[m[2]!]!
    return zh ? `${m[1]}年${season[0]}` : `${season[1]} ${m[1]}`
  }
  if ((m = /^(\d{4})-(\d{2})$/.exec(text))) {
    const n = Number(m[2])
    if (cumulative && n > 1) return zh ? `${m[1]}年1—${n}月` : `Jan–${months[n - 1]} ${m[1]}`
    return zh ? `${m[1]}年${n}月` : `${months[n - 1]} ${m[1]}`
  }
  if ((m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text))) {
    return zh ? `${m[1]}年${Number(m[2])}月${Number(m[3])}日` : `${Number(m[3])} ${months[Number(m[2]) - 1]} ${m[1]}`
  }
  if ((m = /^P(\d+)Y$/.exec(text))) return zh ? `${m[1]}年内` : `within ${m[1]} years`
  return text
}

const eachWords: Record<string, [string, string]> = {
  day: ['每日', 'each day'],
  week: ['每周', 'each week'],
  month: ['每月', 'each month'],
  quarter: ['每季度', 'each quarter'],
  half: ['每半年', 'each half year'],
  year: ['每年', 'each year'],
}

export function period(text: string): string {
  const zh = language.value === 'zh'
  if (!text) return ''
  if (text === 'not-stated') return zh ? '期间未明确' : 'period not stated'
  const [base = '', ...rest] = text.split(';')
  const cumulative = rest.includes('cumulative')
  const each = rest.find((part) => part.startsWith('each='))?.slice(5)
  const [from = '', to] = base.split('/')
  let said = ''
  if (to === undefined) {
    said = one(from, cumulative, zh)
  } else {
    const [a, b] = [/^(\d{4})-(\d{2})$/.exec(from), /^(\d{4})-(\d{2})$/.exec(to)]
    if (a && b && a[1] === b[1]) {
      said = zh
        ? `${a[1]}年${Number(a[2])}—${Number(b[2])}月`
        : `${months[Number(a[2]) - 1]}–${months[Number(b[2]) - 1]} ${a[1]}`
    } else {
      said = `${one(from, false, zh)}${zh ? '至' : ' to '}${one(to, false, zh)}`
    }
  }
  const word = each && eachWords[each]
  if (word) return zh ? `${said}${word[0]}` : `${said}, ${word[1]}`
  return said
}

/** For an axis: 5月, 一季度; the year only where it turns. */
export function shortPeriod(text: string): string {
  const base = text.split(';')[0] ?? ''
  const m = /^(\d{4})-(\d{2})$/.exec(base.split('/').pop() ?? '')
  if (!m) return period(text)
  const n = Number(m[2])
  const zh = language.value === 'zh'
  if (n === 1 || n === 2) return `${m[1]}.${n}`
  return zh ? `${n}月` : months[n - 1]!
}

/** The last day of a period as text that can be ordered: 2024-05 before 2024. */
export function endOf(text: string): string {
  const base = text.split(';')[0]!.split('/').pop()!
  const m = /^(\d{4})(?:-(?:(\d{2})(?:-(\d{2}))?|Q([1-4])|S([12])))?/.exec(base)
  if (!m) return base
  const month = m[2] ?? (m[4] ? String(Number(m[4]) * 3) : m[5] ? String(Number(m[5]) * 6) : '12')
  return `${m[1]}-${month.padStart(2, '0')}-${m[3] ?? '31'}`
}

/** Orders periods, the newest first; the longer of two that end together comes first. */
export function newestFirst(a: string, b: string): number {
  return endOf(b).localeCompare(endOf(a)) || a.localeCompare(b)
}
