import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** A value that is followed at most every so often, and at once when it has been still: for loads that live data ask for. */
export function useCalm<T>(value: () => T, every = 1000): Ref<T> {
  const calm = ref(value()) as Ref<T>
  let timer: ReturnType<typeof setTimeout> | undefined
  let due = 0
  watch(value, () => {
    if (timer) return
    timer = setTimeout(
      () => {
        timer = undefined
        due = performance.now() + every
        calm.value = value()
      },
      Math.max(0, due - performance.now()),
    )
  })
  onScopeDispose(() => clearTimeout(timer))
  return calm
}
