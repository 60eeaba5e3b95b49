import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import { faultOf, isCancelled, type Fault } from './fault'

export interface Loaded<T> {
  data: Readonly<ShallowRef<T | undefined>>
  fault: Readonly<ShallowRef<Fault | undefined>>
  loading: Readonly<ShallowRef<boolean>>
  reload: () => void
}

/**
 * Loads what `what` asks for and loads it again when its answer changes. The answer before stays on the screen until the
 * new one is there; an answer that was overtaken is dropped. `undefined` asks for nothing.
 */
export function useLoad<Question, T>(
  what: () => Question | undefined,
  load: (question: Question, signal: AbortSignal) => Promise<T>,
): Loaded<T> {
  const data = shallowRef<T>()
  const fault = shallowRef<Fault>()
  const loading = shallowRef(false)
  let running: AbortController | undefined

  async function run(question: Question | undefined): Promise<void> {
    running?.abort()
    if (question === undefined) {
      data.value = undefined
      loading.value = false
      return
    }
    const controller = new AbortController()
    running = controller
    loading.value = true
    try {
      const answer = await load(question, controller.signal)
      if (controller.signal.aborted) return
      data.value = answer
      fault.value = undefined
    } catch (error) {
      if (controller.signal.aborted || isCancelled(error)) return
      fault.value = faultOf(error)
    } finally {
      if (running === controller) loading.value = false
    }
  }

  watch(what, (question, before) => {
    if (same(question, before)) return
    void run(question)
  })
  void run(what())
  onScopeDispose(() => running?.abort())
  return { data, fault, loading, reload: () => void run(what()) }
}

// Questions are small: texts, numbers, or objects of them.
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (!a || !b || typeof a !== 'object' || typeof b !== 'object') return false
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const keys = Object.keys(x)
  return keys.length === Object.keys(y).length && keys.every((key) => x[key] === y[key])
}
