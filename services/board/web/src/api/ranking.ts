// Reads about rankings that several pages make.
import type { GetRankingResponse } from '@/gen/zonebench/ranking/v1/live_ranking_service_pb'
import type { PastPlace, Ranking, Standing, VersionHead } from '@/gen/zonebench/ranking/v1/ranking_pb'
import { rankings } from './client'

export interface Rows {
  ranking: Ranking
  head: VersionHead
  rows: Standing[]
}

/** All rows of one version; 0 is the newest one. Pages are of one revision. */
export async function allRows(
  name: string,
  options: { version?: bigint; cells?: boolean; history?: number },
  signal?: AbortSignal,
): Promise<Rows> {
  const rows: Standing[] = []
  let pageToken = ''
  let first: GetRankingResponse | undefined
  do {
    const page = await rankings.getRanking(
      {
        name,
        pageSize: 1000,
        pageToken,
        version: options.version ?? 0n,
        showCells: options.cells ?? false,
        history: options.history ?? 0,
      },
      { signal },
    )
    first ??= page
    rows.push(...page.standings)
    pageToken = page.nextPageToken
  } while (pageToken)
  if (!first.ranking || !first.head) throw new Error(`${name} was answered without its head`)
  return { ranking: first.ranking, head: first.head, rows }
}

/** How many periods a sparkline goes back. */
export const past = 11

/** Places of every zone in the periods before, by zone. */
export async function histories(name: string, signal?: AbortSignal): Promise<Map<string, readonly PastPlace[]>> {
  const { rows } = await allRows(name, { history: past }, signal)
  return new Map(rows.map((row) => [row.subject, row.history]))
}
