// The services, through the board's gateway at the same origin.
import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-web'
import { IndicatorService } from '@/gen/zonebench/indicator/v1/indicator_service_pb'
import { TargetService } from '@/gen/zonebench/indicator/v1/target_service_pb'
import { LiveRankingService } from '@/gen/zonebench/ranking/v1/live_ranking_service_pb'
import { PublishedRankingService } from '@/gen/zonebench/ranking/v1/published_ranking_service_pb'
import { RankingService } from '@/gen/zonebench/ranking/v1/ranking_service_pb'
import { SystemService } from '@/gen/zonebench/system/v1/system_service_pb'
import { ZoneService } from '@/gen/zonebench/zone/v1/zone_service_pb'

const header = 'zonebench-token'

// What was seen once is not unseen: every request asks for a state at least as fresh as the newest answer, whichever
// replica takes it. Tokens are opaque, so the newest is told by its revision.
let token = ''
let newest = 0n

const monotonic: Interceptor = (next) => async (request) => {
  if (token) request.header.set(header, token)
  try {
    const response = await next(request)
    const revision = BigInt(response.header.get('zonebench-revision') ?? 0)
    if (revision >= newest) {
      newest = revision
      token = response.header.get(header) ?? token
    }
    return response
  } catch (error) {
    // A ledger that was restored has another epoch, where the token means nothing.
    if (token && ConnectError.from(error).code === Code.FailedPrecondition) {
      token = ''
      newest = 0n
    }
    throw error
  }
}

const transport = createConnectTransport({
  baseUrl: location.origin,
  useBinaryFormat: true,
  defaultTimeoutMs: 15_000,
  interceptors: [monotonic],
})

export const zones = createClient(ZoneService, transport)
export const indicators = createClient(IndicatorService, transport)
export const targets = createClient(TargetService, transport)
export const comparisons = createClient(RankingService, transport)
export const rankings = createClient(LiveRankingService, transport)
export const published = createClient(PublishedRankingService, transport)
export const system = createClient(SystemService, transport)

/** Every item of a paginated list. */
export async function all<Page extends { nextPageToken: string }, Item>(
  page: (pageToken: string) => Promise<Page>,
  items: (page: Page) => Item[],
): Promise<Item[]> {
  const gathered: Item[] = []
  let next = ''
  do {
    const answer = await page(next)
    gathered.push(...items(answer))
    next = answer.nextPageToken
  } while (next)
  return gathered
}
