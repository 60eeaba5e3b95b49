// Definitions change rarely: they are read once a visit.
import { shallowRef } from 'vue'
import type { Indicator } from '@/gen/zonebench/indicator/v1/indicator_pb'
import type { Scheme } from '@/gen/zonebench/ranking/v1/scheme_pb'
import { all, indicators, rankings } from './client'

const known = shallowRef<ReadonlyMap<string, Indicator>>()
let asking: Promise<ReadonlyMap<string, Indicator>> | undefined

/** Every indicator by its name. */
export function allIndicators(): Promise<ReadonlyMap<string, Indicator>> {
  asking ??= all(
    (pageToken) => indicators.listIndicators({ pageSize: 1000, pageToken }),
    (page) => page.indicators,
  ).then(
    (list) => (known.value = new Map(list.map((one) => [one.name, one]))),
    (error) => {
      asking = undefined // the next one asks again
      throw error
    },
  )
  return asking
}

const schemes = new Map<string, Promise<Scheme>>()

/** A scheme never changes. */
export function scheme(name: string): Promise<Scheme> {
  let answer = schemes.get(name)
  if (!answer) {
    answer = rankings.getScheme({ name }).then((r) => {
      if (!r.scheme) throw new Error(`${name} was answered empty`)
      return r.scheme
    })
    answer.catch(() => schemes.delete(name))
    schemes.set(name, answer)
  }
  return answer
}
