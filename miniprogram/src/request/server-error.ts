import { type ErrorAction, type ErrorCode, MpAuthError, type ServerErrorCode } from '../errors'
import type { HttpResponse } from '../platform'
import type { AuthFact, AuthStepName } from '../step'

/**
 * What to do about the codes that the SDK itself acts on, where a server does not say. mpauth always does; a server
 * of the app's own may use its codes without the advice.
 */
const advice = new Map<string, ErrorAction>([
  ['UNAUTHENTICATED', 'REFRESH'],
  ['TOKEN_EXPIRED', 'REFRESH'],
  ['SESSION_REVOKED', 'RELOGIN'],
  ['AUTH_STEP_REQUIRED', 'AUTHORIZE'],
  ['DECRYPT_WX_OPEN_DATA_FAIL', 'TAP_AGAIN'],
  ['RATE_LIMITED', 'RETRY'],
])

/** What GraphQL's `extensions` hold, or the body of an error of POST /avatars and of GET /verify. */
interface Told {
  code?: unknown
  message?: unknown
  action?: ErrorAction
  retryable?: boolean
  retryAfterMs?: number
  requestId?: string
  have?: AuthStepName
  need?: AuthFact[]
  next?: AuthFact
}

interface Body extends Told {
  errors?: readonly ({ message?: unknown; extensions?: Told | null } | null)[] | null
}

/** The JSON object that a response carries, also as a text; null when it carries none. */
export function bodyOf(response: HttpResponse): Record<string, unknown> | null {
  let { data } = response
  if (typeof data === 'string') {
    try {
      data = JSON.parse(data)
    } catch {
      return null
    }
  }
  return typeof data === 'object' && !Array.isArray(data) ? (data as Record<string, unknown> | null) : null
}

/** The first error of GraphQL, and what is told about it; else the body tells. */
function read(response: HttpResponse) {
  const body: Body | null = bodyOf(response)
  const [first] = (body && body.errors) || []
  const told: Told = (first ? first.extensions : body) || {}
  const { code } = told
  return { body, first, told, said: typeof code === 'string' || typeof code === 'number' ? `${code}` : undefined }
}

/** The code of an answer: `errors[0].extensions.code` of GraphQL, else `code` of the body. Numbers become texts. */
export const codeOf = (response: HttpResponse): string | undefined => read(response).said

/**
 * The error that an answer is; null for a 2xx with a JSON object that lists no errors. A code that comes with an
 * action, as mpauth sends it, is taken at its word, and so are those that the SDK acts on; another GraphQL server's
 * is GRAPHQL with `data.code`; what is not of the protocol at all, a proxy's page for example, is SERVER. The message
 * is the server's, for developers.
 */
export function errorOf(response: HttpResponse, operation?: string): MpAuthError | null {
  const { body, first } = read(response)
  return isOk(response) && body && !first ? null : refusalOf(response, operation)
}

/** As `errorOf`, of an answer that is known to be an error, and perhaps which. */
export function refusalOf(response: HttpResponse, operation?: string, as?: ServerErrorCode): MpAuthError {
  const { statusCode: status, header } = response
  const { body, first, told, said } = read(response)
  const known = as || (said && (told.action || advice.has(said)) ? (said as ErrorCode) : byStatus(status))
  const code = known || (first ? 'GRAPHQL' : 'SERVER')
  // A page in place of an answer is somebody's in between, who may be gone the next time.
  const passing = !known && (status >= 500 || (isOk(response) && !body))
  const action = (!as && told.action) || advice.get(code) || (passing ? 'RETRY' : 'NONE')
  const { message } = first || told
  const { retryable = action === 'RETRY', retryAfterMs, requestId, have, need, next } = told
  return new MpAuthError(code, [operation, status, message].filter(Boolean).join(' ').slice(0, 200), {
    action,
    retryable,
    // A date would need both clocks to agree.
    retryAfterMs: retryAfterMs || Number(header['retry-after']) * 1000 || undefined,
    requestId: requestId || header['x-request-id'],
    have,
    need,
    next,
    data: { ...told, code: said, status },
  })
}

const isOk = ({ statusCode }: HttpResponse) => statusCode >= 200 && statusCode < 300

const byStatus = (status: number): ErrorCode | undefined =>
  status === 401 ? 'UNAUTHENTICATED' : status === 429 ? 'RATE_LIMITED' : undefined
