import { type ErrorAction, type ErrorCode, MpAuthError, type ServerErrorCode } from '../errors'
import type { HttpResponse } from '../platform'
import type { AuthFact, AuthStepName } from '../step'

/** The codes of schema/errors.graphql, each with what to do when the server does not say. */
export const serverActions: Readonly<Record<ServerErrorCode, ErrorAction>> = {
  UNAUTHENTICATED: 'RELOGIN',
  TOKEN_EXPIRED: 'REFRESH',
  SESSION_REVOKED: 'RELOGIN',
  AUTH_STEP_REQUIRED: 'AUTHORIZE',
  FORBIDDEN: 'NONE',
  LOGIN_CODE_INVALID: 'RELOGIN',
  LOGIN_BLOCKED: 'NONE',
  ACCOUNT_DISABLED: 'NONE',
  ACCOUNT_CLOSING: 'NONE',
  PHONE_CODE_INVALID: 'TAP_AGAIN',
  DECRYPT_WX_OPEN_DATA_FAIL: 'TAP_AGAIN',
  PHONE_TAKEN: 'NONE',
  CONTENT_RISKY: 'NONE',
  RATE_LIMITED: 'RETRY',
  WECHAT_UNAVAILABLE: 'RETRY',
  UNAVAILABLE: 'RETRY',
  BAD_INPUT: 'NONE',
  NOT_FOUND: 'NONE',
  INTERNAL: 'NONE',
}

/** What servers of the published protocol say for two of them. */
const synonyms: Record<string, ServerErrorCode> = { AUTH_EXPIRED: 'TOKEN_EXPIRED', AUTH_INVALID: 'UNAUTHENTICATED' }

/** What GraphQL's `extensions` hold, or the body of an error of POST /avatars and of GET /verify. Nothing of it is sure. */
interface Told {
  code?: unknown
  message?: unknown
  action?: unknown
  retryable?: unknown
  retryAfterMs?: unknown
  requestId?: unknown
  have?: unknown
  need?: unknown
  next?: unknown
}

interface Body extends Told {
  errors?: readonly ({ message?: unknown; extensions?: Told | null } | null)[]
}

const has = (record: object, key: string) => Object.keys(record).includes(key)

/** The JSON object that a response carries, also as a text; null when it carries none. */
export function bodyOf(response: HttpResponse): Record<string, unknown> | null {
  let { data } = response
  if (typeof data === 'string' && /^\s*\{/.test(data)) {
    try {
      data = JSON.parse(data)
    } catch {
      return null
    }
  }
  return typeof data === 'object' && data && !Array.isArray(data) ? (data as Record<string, unknown>) : null
}

const firstOf = (body: Body | null) => (Array.isArray(body?.errors) ? body.errors[0] : undefined)

/** The code of an answer: `errors[0].extensions.code` of GraphQL, else `code` of the body. Numbers become texts. */
export function codeOf(response: HttpResponse): string | undefined {
  const body: Body | null = bodyOf(response)
  const first = firstOf(body)
  const code = (first ? first.extensions : body)?.code
  return typeof code === 'string' || typeof code === 'number' ? String(code) : undefined
}

/**
 * The error that an answer is; null for a 2xx with a JSON object that lists no errors. Codes of the schema keep
 * their names; another GraphQL server's are GRAPHQL with `data.code`; what is not of the protocol at all, a proxy's
 * page for example, is SERVER. The message is the server's, for developers.
 */
export function errorOf(response: HttpResponse, operation?: string): MpAuthError | null {
  const body: Body | null = bodyOf(response)
  return isOk(response.statusCode) && body && !firstOf(body) ? null : refusalOf(response, operation)
}

/** As `errorOf`, of an answer that is known to be an error, and perhaps which. */
export function refusalOf(response: HttpResponse, operation?: string, as?: ServerErrorCode): MpAuthError {
  const { statusCode: status } = response
  const body: Body | null = bodyOf(response)
  const first = firstOf(body)
  const told: Told = (first ? first.extensions : body) ?? {}
  const said = codeOf(response) ?? ''
  const known =
    as ?? (has(serverActions, said) ? (said as ServerErrorCode) : has(synonyms, said) ? synonyms[said] : undefined)
  const code = known ?? codeByStatus(status, !!first)
  // A page in place of an answer is somebody's in between, who may be gone the next time.
  const passing = status >= 500 ? !known : code === 'SERVER' && ((isOk(status) && !body) || status === 408)
  const action = actionOf(code, told, known, passing)
  const message = first ? first.message : told.message
  const words = [operation, status, typeof message === 'string' && message.slice(0, 200)]
  return new MpAuthError(code, words.filter(Boolean).join(' '), {
    action,
    retryable: typeof told.retryable === 'boolean' ? told.retryable : action === 'RETRY',
    retryAfterMs: waitOf(told, response),
    requestId: textOr(told.requestId, response.header['x-request-id']),
    have: textOr(told.have) as AuthStepName | undefined,
    need: Array.isArray(told.need) ? (told.need as AuthFact[]) : undefined,
    next: textOr(told.next) as AuthFact | undefined,
    data: { ...(code === 'GRAPHQL' && told), status, ...(said !== code && said && { code: said }) },
  })
}

const isOk = (status: number) => status >= 200 && status < 300

function codeByStatus(status: number, graphql: boolean): ErrorCode {
  if (status === 401) return 'UNAUTHENTICATED'
  if (status === 429) return 'RATE_LIMITED'
  return graphql ? 'GRAPHQL' : 'SERVER'
}

const allActions: readonly ErrorAction[] = ['RELOGIN', 'REFRESH', 'RETRY', 'TAP_AGAIN', 'AUTHORIZE', 'NONE']

function actionOf(
  code: ErrorCode,
  { action }: Told,
  known: ServerErrorCode | undefined,
  passing: boolean,
): ErrorAction {
  const said = allActions.find((one) => one === action)
  if (said) return said
  if (known) return serverActions[known]
  if (code === 'UNAUTHENTICATED') return 'REFRESH'
  return code === 'RATE_LIMITED' || passing ? 'RETRY' : 'NONE'
}

/** A Retry-After that is a date is left out: it would need both clocks to agree. */
function waitOf(told: Told, { header }: HttpResponse): number | undefined {
  if (typeof told.retryAfterMs === 'number') return told.retryAfterMs
  const after = header['retry-after']
  return after && /^\d+$/.test(after) ? Number(after) * 1000 : undefined
}

const textOr = (value: unknown, otherwise?: string) => (typeof value === 'string' && value ? value : otherwise)
