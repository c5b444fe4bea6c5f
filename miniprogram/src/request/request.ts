import { authorized, type GuardSession } from '../auth/authorized'
import { MpAuthError } from '../errors'
import type { HttpRequest, HttpResponse } from '../platform'
import { join, mergeHeaders, sameOrigin } from './address'
import { AuthCore, type AuthPolicy, type CoreSession } from './auth-core'

/** What requests use of a session, when they may ask the person. */
export type RequestSession = CoreSession & GuardSession

export interface RequestConfig {
  /** What a `url` without a scheme is put behind. A token is sent nowhere but to its origin. */
  baseURL?: string
  /** Sent with each request. */
  header?: Record<string, string>
  /** Of a request, in ms. The platform's own when absent. */
  timeout?: number
  policy?: AuthPolicy
  /** Whether AUTH_STEP_REQUIRED asks the person for what is missing and then goes on. True. */
  authorize?: boolean
}

export interface RequestOptions extends HttpRequest {
  /** Whether the request waits for a login and carries its token. True; false for another origin than `baseURL`'s. */
  needLogin?: boolean
  /** Whether the request is sent again, once, after its token was refused and renewed. True. */
  replay?: boolean
  authorize?: boolean
}

/**
 * `wx.request` with the login. Resolves for every status, as the platform does: what the answer means is the app's
 * business. Rejects with an MpAuthError where the login stands in the way, NETWORK and TIMEOUT without an answer,
 * AUTH_REPLAY_FAILED when a renewed token is refused too, DECRYPT_WX_OPEN_DATA_FAIL once the next tap will work, and
 * AUTH_STEP_REQUIRED where nobody is to be asked.
 */
export function createRequest(
  session: RequestSession,
  { baseURL, header, timeout, policy, authorize: asking = true }: RequestConfig = {},
): <T = unknown>(options: RequestOptions) => Promise<HttpResponse<T>> {
  const core = new AuthCore(session, policy)
  return <T>(options: RequestOptions): Promise<HttpResponse<T>> => {
    const { needLogin: wanted, replay = true, authorize = asking, ...request } = options
    const url = join(baseURL, request.url)
    const ours = !baseURL || sameOrigin(url, baseURL)
    const needLogin = wanted === undefined ? ours : wanted
    if (needLogin && !ours) return Promise.reject(new MpAuthError('CONFIG', 'a token for another origin than baseURL'))
    const send = async () => {
      const response = await core.run<T>(needLogin, replay, (auth) =>
        session.platform.request<T>({
          ...(timeout && { timeout }),
          ...request,
          url,
          header: mergeHeaders(header, request.header, auth),
        }),
      )
      const refusal = core.refusal(response)
      if (refusal) throw refusal
      return response
    }
    return authorize ? authorized(session, send) : send()
  }
}
