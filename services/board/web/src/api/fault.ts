// What went wrong, for people.
import { Code, ConnectError } from '@connectrpc/connect'

export interface Fault {
  /** Key of the sentence in fault.json. */
  kind: string
  /** What the service said, empty when it said nothing. */
  detail: string
  /** Trying again may help. */
  passing: boolean
}

const kinds: Partial<Record<Code, string>> = {
  [Code.NotFound]: 'missing',
  [Code.InvalidArgument]: 'invalid',
  [Code.FailedPrecondition]: 'precondition',
  [Code.PermissionDenied]: 'forbidden',
  [Code.Unauthenticated]: 'unknown_caller',
  [Code.Unimplemented]: 'unsupported',
  [Code.ResourceExhausted]: 'busy',
  [Code.DeadlineExceeded]: 'slow',
  [Code.Unavailable]: 'unreachable',
  [Code.Unknown]: 'unreachable',
  [Code.DataLoss]: 'damaged',
}

export function faultOf(error: unknown): Fault {
  const e = ConnectError.from(error)
  const kind = kinds[e.code] ?? 'broken'
  return {
    kind,
    detail: e.rawMessage,
    passing: [Code.Unavailable, Code.Unknown, Code.DeadlineExceeded, Code.ResourceExhausted, Code.Aborted].includes(e.code),
  }
}

export function isCancelled(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Canceled
}
