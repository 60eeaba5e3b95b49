// Words of the screens in both languages. Each page has its own file; `ranking.title` is `title` in ranking.json.
// Messages are interpreted, never compiled to functions, so that the page runs without eval.
import { computed } from 'vue'
import { createI18n } from 'vue-i18n'
import type { Localized } from '@/gen/zonebench/type/v1/value_pb'

export type Language = 'zh' | 'en'

type Messages = Record<string, Record<string, unknown>>

function gather(files: Record<string, { default: Record<string, unknown> }>): Messages {
  const all: Messages = {}
  for (const [path, file] of Object.entries(files)) {
    all[path.replace(/^.*\/|\.json$/g, '')] = file.default
  }
  return all
}

const zh = gather(import.meta.glob('../i18n/zh/*.json', { eager: true }))
const en = gather(import.meta.glob('../i18n/en/*.json', { eager: true }))

const key = 'zonebench.language'

function initial(): Language {
  const asked = new URLSearchParams(location.search).get('lang')
  if (asked === 'zh' || asked === 'en') return asked
  try {
    return localStorage.getItem(key) === 'en' ? 'en' : 'zh'
  } catch {
    return 'zh' // storage is switched off
  }
}

export const i18n = createI18n({
  legacy: false,
  locale: initial(),
  fallbackLocale: 'zh',
  messages: { zh, en },
  warnHtmlMessage: true,
})

export const language = computed<Language>(() => i18n.global.locale.value as Language)

export function speak(to: Language): void {
  i18n.global.locale.value = to
  document.documentElement.lang = to === 'zh' ? 'zh-CN' : 'en'
  try {
    localStorage.setItem(key, to)
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
}

export const t = i18n.global.t as (key: string, named?: Record<string, unknown> | number) => string

/** A text of the server in the language of the screen; English falls back to Chinese. */
export function say(text: Localized | undefined): string {
  if (!text) return ''
  return language.value === 'en' ? text.en || text.zh : text.zh || text.en
}
