// What the reader looks at: a ranking and a zone. Both are in the address, so that a link shows what its sender saw; the
// last choice is remembered for the next morning.
import { computed, type ComputedRef } from 'vue'
import { useRoute, useRouter, type LocationQueryRaw } from 'vue-router'
import { all, rankings } from '@/api/client'
import { useLoad, type Loaded } from '@/api/load'
import { RankingState, type Ranking } from '@/gen/zonebench/ranking/v1/ranking_pb'
import { newestFirst } from '@/text/period'

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`zonebench.${key}`, value)
  } catch {
    // Storage is switched off: nothing is remembered.
  }
}

export function recall(key: string): string {
  try {
    return localStorage.getItem(`zonebench.${key}`) ?? ''
  } catch {
    return ''
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A value of the address's query that falls back to what was chosen last. */
function chosen(key: string): { value: ComputedRef<string>; choose: (value: string) => void } {
  const route = useRoute()
  const router = useRouter()
  return {
    value: computed(() => text(route.query[key]) || recall(key)),
    choose(value) {
      remember(key, value)
      const query: LocationQueryRaw = { ...route.query, [key]: value || undefined }
      void router.replace({ query, hash: route.hash })
    },
  }
}

/** Newest period first. */
export function byPeriod(a: Ranking, b: Ranking): number {
  return newestFirst(a.period, b.period) || a.name.localeCompare(b.name)
}

export function useRankings(): Loaded<Ranking[]> {
  return useLoad(
    () => true,
    async (_, signal) => {
      const list = await all(
        (pageToken) => rankings.listRankings({ pageSize: 1000, pageToken }, { signal }),
        (page) => page.rankings,
      )
      return list.sort(byPeriod)
    },
  )
}

export interface Choice {
  list: Loaded<Ranking[]>
  /** The ranking that is looked at: the chosen one, else the newest with places. */
  ranking: ComputedRef<Ranking | undefined>
  zone: ComputedRef<string>
  chooseRanking: (name: string) => void
  chooseZone: (name: string) => void
}

export function useChoice(): Choice {
  const list = useRankings()
  const ranking = chosen('ranking')
  const zone = chosen('zone')
  return {
    list,
    ranking: computed(() => {
      const known = list.data.value ?? []
      return known.find((r) => r.name === ranking.value.value) ?? known.find((r) => r.state !== RankingState.OPEN) ?? known[0]
    }),
    zone: zone.value,
    chooseRanking: ranking.choose,
    chooseZone: zone.choose,
  }
}
