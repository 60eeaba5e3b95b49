// Sources that statements come from. A source is read once a visit.
import type { Source } from '@/gen/zonebench/indicator/v1/source_pb'
import { indicators } from './client'

const asked = new Map<string, Promise<Source | undefined>>()

export function source(name: string): Promise<Source | undefined> {
  let answer = asked.get(name)
  if (!answer) {
    answer = indicators.getSource({ name }).then((r) => r.source)
    answer.catch(() => asked.delete(name))
    asked.set(name, answer)
  }
  return answer
}
