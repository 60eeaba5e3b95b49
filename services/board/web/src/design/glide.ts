// Rows glide to where they belong now: FLIP on transform, added to whatever glide is still under way.

export const still = window.matchMedia('(prefers-reduced-motion: reduce)')

const duration = 520
const easing = 'cubic-bezier(0.2, 0.7, 0.2, 1)'

export function glide(element: HTMLElement, dx: number, dy: number): void {
  if (still.matches || (dx === 0 && dy === 0)) return
  element.animate([{ transform: `translate(${dx}px, ${dy}px)` }, { transform: 'translate(0, 0)' }], {
    duration,
    easing,
    composite: 'add',
  })
  // Who gains places passes in front of who loses them.
  element.style.zIndex = dy > 0 ? '2' : '1'
  const timer = Number(element.dataset.glide ?? 0)
  if (timer) clearTimeout(timer)
  element.dataset.glide = String(
    setTimeout(() => {
      element.style.zIndex = ''
      delete element.dataset.glide
    }, duration),
  )
}

export function flash(element: HTMLElement): void {
  if (still.matches) return
  const light = getComputedStyle(document.documentElement).getPropertyValue('--flash').trim()
  element.animate([{ backgroundColor: light }, { backgroundColor: light, offset: 0.4 }, { backgroundColor: 'transparent' }], 1400)
}
