// What the three home pages share: the ranking and zone that are looked at, and one zone's profile as it changes.
import { computed, type ComputedRef } from 'vue'
import { useCalm } from '@/api/calm'
import { rankings, targets } from '@/api/client'
import { useLive, type Live } from '@/api/live'
import { useLoad, type Loaded } from '@/api/load'
import { past } from '@/api/ranking'
import { useChoice, type Choice } from '@/app/choice'
import type { Completion } from '@/gen/zonebench/indicator/v1/completion_pb'
import type { GetProfileResponse } from '@/gen/zonebench/ranking/v1/live_ranking_service_pb'
import type { Ranking, Standing, VersionHead } from '@/gen/zonebench/ranking/v1/ranking_pb'
import { dayOf } from '@/text/time'

export interface Home {
  choice: Choice
  live: Live
  ranking: ComputedRef<Ranking | undefined>
  head: ComputedRef<VersionHead | undefined>
  rows: ComputedRef<readonly Standing[]>
  /** The chosen zone, else the one in front of which the top ten ends. */
  zone: ComputedRef<string>
  /** Nobody chose the zone. */
  guessed: ComputedRef<boolean>
  /** The live version, at most once a second. */
  version: Readonly<{ value: bigint }>
}

export function useHome(): Home {
  const choice = useChoice()
  const live = useLive(() => choice.ranking.value?.name)
  const rows = computed<readonly Standing[]>(() => live.board.value?.rows ?? [])
  const chosen = computed(() => live.board.value?.at.has(choice.zone.value) ?? false)
  const zone = computed(() => {
    if (chosen.value) return choice.zone.value
    return (rows.value[10] ?? rows.value[rows.value.length - 1])?.subject ?? ''
  })
  return {
    choice,
    live,
    ranking: computed(() => live.board.value?.ranking ?? choice.ranking.value),
    head: computed(() => live.board.value?.head),
    rows,
    zone,
    guessed: computed(() => !chosen.value && !!zone.value),
    version: useCalm(() => live.board.value?.head.version ?? 0n),
  }
}

export function useProfile(home: Home): Loaded<GetProfileResponse> {
  return useLoad(
    () => {
      const name = home.ranking.value?.name
      return name && home.zone.value ? { name, zone: home.zone.value, at: home.version.value } : undefined
    },
    (q, signal) => rankings.getProfile({ name: q.name, zone: q.zone, history: past }, { signal }),
  )
}

/** Targets of the zone for the year of the ranking, judged as of its data cut. */
export function useCompletions(home: Home): Loaded<Completion[]> {
  return useLoad(
    () => {
      const ranking = home.ranking.value
      const head = home.head.value
      if (!ranking || !head || !home.zone.value) return undefined
      const cut = head.dataCut?.year ? head.dataCut : head.commitTime ? dayOf(head.commitTime) : undefined
      if (!cut) return undefined
      return { zone: home.zone.value, year: ranking.period.slice(0, 4), y: cut.year, m: cut.month, d: cut.day, at: home.version.value }
    },
    async (q, signal) => {
      const answer = await targets.listCompletions(
        { subjects: [q.zone], period: q.year, asOf: { year: q.y, month: q.m || 12, day: q.d || 28 }, pageSize: 1000 },
        { signal },
      )
      return answer.completions
    },
  )
}
