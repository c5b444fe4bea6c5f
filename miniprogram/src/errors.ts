import type { AuthFact, AuthStepName } from './step'

/** The codes of the server, as its schema lists them. */
export type ServerErrorCode =
  | 'UNAUTHENTICATED'
  | 'TOKEN_EXPIRED'
  | 'SESSION_REVOKED'
  | 'AUTH_STEP_REQUIRED'
  | 'FORBIDDEN'
  | 'LOGIN_CODE_INVALID'
  | 'LOGIN_BLOCKED'
  | 'ACCOUNT_DISABLED'
  | 'ACCOUNT_CLOSING'
  | 'CONSENT_REQUIRED'
  | 'PHONE_CODE_INVALID'
  | 'DECRYPT_WX_OPEN_DATA_FAIL'
  | 'PHONE_TAKEN'
  | 'CONTENT_RISKY'
  | 'RATE_LIMITED'
  | 'WECHAT_UNAVAILABLE'
  | 'UNAVAILABLE'
  | 'BAD_INPUT'
  | 'NOT_FOUND'
  | 'INTERNAL'

/** What can go wrong before, beside and after a server. */
export type ClientErrorCode =
  /** The platform gave no login code. */
  | 'WX_LOGIN_FAILED'
  /** No answer: offline, refused, or cut off in the background (`data.interrupted`). */
  | 'NETWORK'
  | 'TIMEOUT'
  /** An answer that is not what the protocol says: a proxy's page, a status without a code. */
  | 'SERVER'
  /** Another server's GraphQL error, whose own code is in `data.code`. */
  | 'GRAPHQL'
  /** Refused again with a token that had just been renewed. */
  | 'AUTH_REPLAY_FAILED'
  /** Too many logins in a row; `retryAfterMs` says when the next may run. */
  | 'FUSE_OPEN'
  /** More waiters than the queue holds. */
  | 'QUEUE_OVERFLOW'
  /** The person has logged out, and nothing logs them in again but themselves. */
  | 'LOGGED_OUT'
  | 'USER_DENIED'
  | 'USER_CANCELLED'
  | 'PRIVACY_DENIED'
  /** The data type is not declared in the privacy guide of the Mini Program, or the API is banned. */
  | 'PRIVACY_UNDECLARED'
  | 'PHONE_QUOTA_EXHAUSTED'
  /** Nothing on the page can ask the person: no popup and no auth page. */
  | 'NO_AUTH_HOST'
  /** An answer that came after the session it belonged to was over. */
  | 'STALE'
  | 'UNSUPPORTED'
  /** The developer's mistake; the message says which. */
  | 'CONFIG'

export type ErrorCode = ServerErrorCode | ClientErrorCode

/** What to do about an error. */
export type ErrorAction = 'RELOGIN' | 'REFRESH' | 'RETRY' | 'TAP_AGAIN' | 'AUTHORIZE' | 'NONE'

export interface MpAuthErrorOptions {
  action?: ErrorAction
  retryable?: boolean
  retryAfterMs?: number | undefined
  requestId?: string | undefined
  /** For AUTH_STEP_REQUIRED: the step reached, the facts missing, the one to ask for first. */
  have?: AuthStepName | undefined
  need?: AuthFact[] | undefined
  next?: AuthFact | undefined
  cause?: unknown
  data?: Record<string, unknown>
}

/** What every promise of the SDK rejects with. `message` is for developers; `textOf` has the words for people. */
export class MpAuthError extends Error {
  /** Tells errors of this SDK from others, also those of another copy of it. */
  readonly isMpAuthError = true
  readonly action!: ErrorAction
  readonly retryable!: boolean
  readonly retryAfterMs?: number
  readonly requestId?: string
  readonly have?: AuthStepName
  readonly need?: AuthFact[]
  readonly next?: AuthFact
  readonly cause?: unknown
  readonly data?: Record<string, unknown>

  constructor(
    readonly code: ErrorCode,
    message?: string,
    options: MpAuthErrorOptions = {},
  ) {
    super(message ? `${code}: ${message}` : code)
    this.name = 'MpAuthError'
    Object.assign(this, { action: options.retryable ? 'RETRY' : 'NONE', retryable: false }, options)
  }
}

/** Whether something is an error of this SDK, and perhaps of one of these codes. Use it rather than `instanceof`. */
export function isMpAuthError(e: unknown, ...codes: ErrorCode[]): e is MpAuthError {
  const { isMpAuthError, code } = (e || {}) as Partial<MpAuthError>
  return isMpAuthError === true && (!codes.length || codes.includes(code as ErrorCode))
}
