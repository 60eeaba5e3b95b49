// Rankings as they change. A tab has one stream per ranking at most, however many of its parts look at it; a tab in the
// background has none and catches up when it is looked at again.
import { Code, ConnectError } from '@connectrpc/connect'
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { WatchRankingResponse } from '@/gen/zonebench/ranking/v1/live_ranking_service_pb'
import type { Ranking, Standing, VersionHead } from '@/gen/zonebench/ranking/v1/ranking_pb'
import { rankings } from './client'
import { faultOf, type Fault } from './fault'

export type Phase = 'connecting' | 'live' | 'waiting' | 'paused' | 'failed'

/** One state of a ranking: immutable, by position. */
export interface Board {
  ranking: Ranking
  head: VersionHead
  rows: readonly Standing[]
  /** Position of a zone in `rows`. */
  at: ReadonlyMap<string, number>
  /** Zones whose row differs from the state before; empty for the first. */
  changed: ReadonlySet<string>
}

export interface Live {
  board: Readonly<ShallowRef<Board | undefined>>
  phase: Readonly<ShallowRef<Phase>>
  fault: Readonly<ShallowRef<Fault | undefined>>
  /** When the next attempt is made, in milliseconds of Date.now; 0 while there is none to wait for. */
  retryAt: Readonly<ShallowRef<number>>
  /** Revision up to which this is the present state. */
  revision: Readonly<ShallowRef<bigint>>
}

// The server says that it lives every 15 seconds; after three silent beats the connection is dead though nobody said so.
const silence = 45_000
const firstDelay = 500
const longestDelay = 15_000
// A tab that is left for a moment keeps its stream.
const grace = 10_000

class Stream implements Live {
  readonly board = shallowRef<Board>()
  readonly phase = shallowRef<Phase>('connecting')
  readonly fault = shallowRef<Fault>()
  readonly retryAt = shallowRef(0)
  readonly revision = shallowRef(0n)

  users = 0
  private attempt = 0
  private abort: AbortController | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private leaving: ReturnType<typeof setTimeout> | undefined

  constructor(readonly name: string) {
    document.addEventListener('visibilitychange', this.seen)
    if (document.hidden) this.phase.value = 'paused'
    else void this.run()
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.seen)
    clearTimeout(this.timer)
    clearTimeout(this.leaving)
    this.abort?.abort()
  }

  private readonly seen = (): void => {
    clearTimeout(this.leaving)
    if (document.hidden) {
      this.leaving = setTimeout(() => {
        clearTimeout(this.timer)
        this.abort?.abort()
        this.abort = undefined
        this.retryAt.value = 0
        this.phase.value = 'paused'
      }, grace)
    } else if (this.phase.value === 'paused') {
      this.attempt = 0
      void this.run()
    } else if (this.phase.value === 'waiting') {
      this.attempt = 0
      clearTimeout(this.timer)
      void this.run()
    }
  }

  private async run(): Promise<void> {
    const abort = new AbortController()
    this.abort = abort
    this.retryAt.value = 0
    this.phase.value = 'connecting'
    let quiet = setTimeout(() => abort.abort(), silence)
    try {
      const stream = rankings.watchRanking(
        { name: this.name, resumeVersion: this.board.value?.head.version ?? 0n, resumeDigest: this.board.value?.head.digest ?? '' },
        { signal: abort.signal, timeoutMs: 0 },
      )
      for await (const message of stream) {
        clearTimeout(quiet)
        quiet = setTimeout(() => abort.abort(), silence)
        this.attempt = 0
        this.take(message)
        this.fault.value = undefined
        this.phase.value = 'live'
      }
      // The server stops: it asked us to come again.
    } catch (error) {
      if (this.abort !== abort) return
      const code = ConnectError.from(error).code
      this.fault.value = faultOf(error)
      if (code === Code.NotFound || code === Code.InvalidArgument || code === Code.PermissionDenied || code === Code.Unauthenticated) {
        this.phase.value = 'failed'
        return
      }
    } finally {
      clearTimeout(quiet)
    }
    if (this.abort !== abort) return
    // Jitter, so that the screens of a whole bureau do not come back in the same instant.
    const delay = Math.min(longestDelay, firstDelay * 2 ** this.attempt++) * (0.5 + Math.random() / 2)
    this.retryAt.value = Date.now() + delay
    this.phase.value = 'waiting'
    this.timer = setTimeout(() => void this.run(), delay)
  }

  private take(message: WatchRankingResponse): void {
    const { update, state } = message
    if (update.case === 'snapshot') {
      const { ranking, head, standings } = update.value
      if (ranking && head) this.board.value = assemble(ranking, head, standings, this.board.value)
    } else if (update.case === 'delta') {
      const before = this.board.value
      const { baseVersion, head, standings, removed } = update.value
      if (!before || !head || before.head.version !== baseVersion) {
        throw new ConnectError('a delta does not fit the version on the screen', Code.Aborted)
      }
      const rows = new Map(before.rows.map((row) => [row.subject, row]))
      for (const zone of removed) rows.delete(zone)
      for (const row of standings) rows.set(row.subject, row)
      this.board.value = assemble(before.ranking, head, [...rows.values()], before)
    }
    if (state && state.revision > this.revision.value) this.revision.value = state.revision
  }
}

function assemble(ranking: Ranking, head: VersionHead, standings: Standing[], before: Board | undefined): Board {
  const rows = [...standings].sort((a, b) => a.position - b.position)
  const at = new Map(rows.map((row, i) => [row.subject, i]))
  const changed = new Set<string>()
  if (before) {
    for (const row of rows) {
      const i = before.at.get(row.subject)
      const old = i === undefined ? undefined : before.rows[i]
      if (!old || old.place !== row.place || old.score !== row.score || old.completeness !== row.completeness) {
        changed.add(row.subject)
      }
    }
  }
  return { ranking, head, rows, at, changed }
}

const open = new Map<string, Stream>()

function take(name: string): Stream {
  let stream = open.get(name)
  if (!stream) open.set(name, (stream = new Stream(name)))
  stream.users++
  return stream
}

function release(stream: Stream): void {
  // The next page often looks at the same ranking: give it the time to say so.
  setTimeout(() => {
    if (--stream.users > 0) return
    stream.close()
    if (open.get(stream.name) === stream) open.delete(stream.name)
  }, 1000)
}

/** A ranking as it is now and as it changes; `undefined` looks at none. */
export function useLive(name: () => string | undefined): Live {
  const board = shallowRef<Board>()
  const phase = shallowRef<Phase>('connecting')
  const fault = shallowRef<Fault>()
  const retryAt = shallowRef(0)
  const revision = shallowRef(0n)
  let stream: Stream | undefined
  let stop: (() => void) | undefined

  function drop(): void {
    stop?.()
    if (stream) release(stream)
    stream = undefined
  }

  watch(
    name,
    (now) => {
      const next = now ? take(now) : undefined
      drop()
      stream = next
      if (!next) {
        board.value = undefined
        return
      }
      stop = watch(
        [next.board, next.phase, next.fault, next.retryAt, next.revision] as const,
        ([b, p, f, r, v]) => {
          board.value = b
          phase.value = p
          fault.value = f
          retryAt.value = r
          revision.value = v
        },
        { immediate: true, flush: 'sync' },
      )
    },
    { immediate: true },
  )
  onScopeDispose(drop)
  return { board, phase, fault, retryAt, revision }
}

