import { shallowRef } from 'vue'

/** Short news at the edge of the screen, read out by screen readers. */
export const toasts = shallowRef<readonly { id: number; text: string }[]>([])

let last = 0

export function toast(text: string): void {
  const id = ++last
  toasts.value = [...toasts.value, { id, text }]
  setTimeout(() => {
    toasts.value = toasts.value.filter((one) => one.id !== id)
  }, 4000)
}

/** Copies and says so; where the clipboard is closed (plain HTTP from another host), through a selection. */
export async function copy(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.setAttribute('readonly', '')
    area.style.position = 'fixed'
    area.style.opacity = '0'
    document.body.append(area)
    area.select()
    document.execCommand('copy')
    area.remove()
  }
  toast(done)
}
