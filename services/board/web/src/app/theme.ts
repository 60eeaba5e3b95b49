import { ref, watchEffect } from 'vue'
import { recall, remember } from './choice'

export type Theme = 'light' | 'dark'

const dark = recall('theme') === 'dark'

export const theme = ref<Theme>(dark ? 'dark' : 'light')

watchEffect(() => {
  document.documentElement.dataset.theme = theme.value
})

export function switchTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
  remember('theme', theme.value)
}

/** A colour of the design system as it is now: for charts, which draw outside CSS. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}
