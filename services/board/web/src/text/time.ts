// Civil dates and moments, in Asia/Shanghai whatever the clock of the machine says.
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import type { Date as CivilDate } from '@/gen/zonebench/type/v1/value_pb'
import { language } from './i18n'

const two = (n: number): string => String(n).padStart(2, '0')

interface Parts {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
}

// China has kept UTC+8 without summer time since 1991, before every figure there is.
function shanghai(at: Timestamp): Parts {
  const d = new Date(Number(at.seconds) * 1000 + 8 * 3600 * 1000)
  return {
    year: d.getUTCFullYear(),
    month: d.getUTCMonth() + 1,
    day: d.getUTCDate(),
    hour: d.getUTCHours(),
    minute: d.getUTCMinutes(),
    second: d.getUTCSeconds(),
  }
}

export function moment(at: Timestamp | undefined): string {
  if (!at) return ''
  const p = shanghai(at)
  return `${p.year}-${two(p.month)}-${two(p.day)} ${two(p.hour)}:${two(p.minute)}:${two(p.second)}`
}

export function day(date: CivilDate | undefined): string {
  if (!date || !date.year) return ''
  if (language.value === 'zh') {
    return `${date.year}年${date.month ? `${date.month}月` : ''}${date.day ? `${date.day}日` : ''}`
  }
  return [date.year, date.month, date.day].filter((n) => n > 0).map((n) => two(n)).join('-')
}

export function dayOf(at: Timestamp): { year: number; month: number; day: number } {
  const p = shanghai(at)
  return { year: p.year, month: p.month, day: p.day }
}
