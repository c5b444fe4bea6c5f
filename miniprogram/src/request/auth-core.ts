import { MpAuthError } from '../errors'
import type { HttpResponse } from '../platform'
import type { Session } from '../session/types'
import { codeOf, refusalOf } from './server-error'

/** What requests use of a session. */
export type CoreSession = Pick<Session, 'getToken' | 'peekToken' | 'refreshLogin' | 'login' | 'loggedOut' | 'logger'>

/** How a server is told who asks, and how it says that it does not believe it. mpauth's way unless told otherwise. */
export interface AuthPolicy {
  /** The header of the token. `Authorization`. */
  header?: string
  /** What stands before the token. `Bearer `. */
  scheme?: string
  /** The code of an answer: `errors[0].extensions.code`, or `code` of the body. */
  codeOf?: (response: HttpResponse) => string | undefined
  /** Whether an answer refuses the token, so that a new one may help. `isExpired`. */
  expired?: (response: HttpResponse, code: string | undefined) => boolean
  /** Whether an answer says that encrypted data could not be used. By the code DECRYPT_WX_OPEN_DATA_FAIL. */
  decrypt?: (response: HttpResponse, code: string | undefined) => boolean
}

const expiredCodes = ['TOKEN_EXPIRED', 'UNAUTHENTICATED', 'SESSION_REVOKED', 'AUTH_EXPIRED', 'AUTH_INVALID']

/** Whether an answer refuses the token: status 401, or a code of mpauth or of the published protocol. */
export const isExpired = (response: HttpResponse, code: string | undefined = codeOf(response)): boolean =>
  response.statusCode === 401 || (code !== undefined && expiredCodes.includes(code))

/** What an answer says about the login. */
export type Verdict = 'expired' | 'decrypt' | null

/**
 * The one way in which a request meets the login, whatever sends it: it waits for a token and carries it; an
 * answer that refuses the token renews the login, unless somebody has done so since, and the request is repeated
 * once. `run` is all of it. A library with interceptors of its own calls the steps.
 */
export class AuthCore {
  private readonly policy: Required<AuthPolicy>

  constructor(
    private readonly session: CoreSession,
    policy: AuthPolicy = {},
  ) {
    this.policy = {
      header: 'Authorization',
      scheme: 'Bearer ',
      codeOf,
      expired: isExpired,
      decrypt: (_, code) => code === 'DECRYPT_WX_OPEN_DATA_FAIL',
      ...policy,
    }
  }

  /**
   * Sends a request. `need` false: at once and without a token, whatever the state of the login. `canReplay` tells,
   * perhaps from the refusal, whether the request may be sent again; where it may not, the refusal is the result.
   * Rejects with what the login rejects with, and with AUTH_REPLAY_FAILED when the renewed token is refused too.
   */
  async run<T>(
    need: boolean,
    canReplay: boolean | ((refusal: HttpResponse<T>) => boolean),
    send: (header: Record<string, string>, token: string | null) => Promise<HttpResponse<T>>,
  ): Promise<HttpResponse<T>> {
    if (!need) return send({}, null)
    const token = await this.session.getToken()
    let response = await send(this.header(token), token)
    let verdict = this.verdict(response)
    if (verdict === 'expired') {
      if (!(typeof canReplay === 'function' ? canReplay(response) : canReplay)) {
        await this.renew(token).catch((e) => this.session.logger.warn('mpauth: renewal for the next request', e))
        return response
      }
      const renewed = await this.renew(token)
      response = await send(this.header(renewed), renewed)
      verdict = this.verdict(response)
      if (verdict === 'expired') throw this.replayFailed(response)
    }
    if (verdict === 'decrypt') await this.renewKey()
    return response
  }

  /** The header that carries a token. */
  header(token: string): Record<string, string> {
    return { [this.policy.header]: this.policy.scheme + token }
  }

  verdict(response: HttpResponse): Verdict {
    const code = this.policy.codeOf(response)
    return this.policy.expired(response, code) ? 'expired' : this.policy.decrypt(response, code) ? 'decrypt' : null
  }

  /** The token to repeat a request with that was refused with this one: the session compares, so that one refresh serves all. */
  async renew(refused: string): Promise<string> {
    return (await this.session.refreshLogin({ staleToken: refused, reason: 'token refused' })).token
  }

  /**
   * Logs in with a code, for nothing else renews the key that the next tap's data is encrypted with. The request is
   * not repeated: its data was encrypted with the old key. Never rejects: the caller has an error to show already.
   */
  async renewKey(): Promise<void> {
    const { session } = this
    // A forced login ends a logout, which only the person may.
    if (session.loggedOut || !session.peekToken()) return
    await session
      .login({ force: true, reason: 'session key' })
      .catch((e) => session.logger.warn('mpauth: renewal of the session key', e))
  }

  /** The error of an answer that the SDK has to do with; null for what is the app's own business. */
  refusal(response: HttpResponse, operation?: string): MpAuthError | null {
    if (this.verdict(response) === 'decrypt') return refusalOf(response, operation, 'DECRYPT_WX_OPEN_DATA_FAIL')
    return this.policy.codeOf(response) === 'AUTH_STEP_REQUIRED' ? refusalOf(response, operation) : null
  }

  /** The error of a request that was refused with a token just renewed. */
  replayFailed(response: HttpResponse): MpAuthError {
    const cause = refusalOf(response)
    return new MpAuthError('AUTH_REPLAY_FAILED', cause.message, { cause, requestId: cause.requestId })
  }
}
