import type { HttpResponse } from '../platform'
import { sameOrigin } from './address'
import { AuthCore, type AuthPolicy, type CoreSession } from './auth-core'

/** An instance of fly.js 0.6 (https://github.com/wendux/fly), as much of it as is used. */
export interface FlyLike {
  request(url: string, data?: unknown, options?: object): Promise<unknown>
  readonly interceptors: { readonly request: object; readonly response: object }
}

/** What fly hands to an interceptor of requests, with the options that installFly knows. */
export interface FlyOptions {
  url?: string
  baseURL?: string
  headers?: Record<string, string>
  body?: unknown
  /** Whether the request waits for a login and carries its token. True; false for another origin than `baseURL`'s. */
  needLogin?: boolean
  /** Whether the request is sent again, once, after its token was refused and renewed. True. */
  replay?: boolean
}

type Handler<A> = (answer: A, promise: PromiseConstructor) => unknown

interface Answer {
  request?: FlyOptions
  status: number
  headers?: Record<string, unknown>
  data: unknown
}

/** Also an error: of a status that is not 2xx, with the answer, or of the network, without one. */
interface Failure {
  request?: FlyOptions
  response?: Answer
}

interface Instead {
  instead: unknown
}

/** fly keeps one handler of each kind, where its types do not show it. */
interface Interceptors {
  request: { handler?: Handler<FlyOptions> | undefined; use(handler?: Handler<FlyOptions>): void }
  response: {
    handler?: Handler<Answer> | undefined
    onerror?: Handler<Failure> | undefined
    use(handler?: Handler<Answer>, onerror?: Handler<Failure>): void
  }
}

/**
 * Gives the requests of a fly instance the login. Interceptors that are there, and such as are set later, go on to
 * work: those of requests before the token is added, those of answers once the login has nothing more to do with
 * them, so that they see an expired token only when nothing helped. fly's own lock stays free for the app.
 *
 * Requests reject with the MpAuthErrors that `createRequest` rejects with; asking the person on AUTH_STEP_REQUIRED
 * is left to the guards.
 *
 * @returns what takes it off again
 */
export function installFly(fly: FlyLike, session: CoreSession, policy?: AuthPolicy): () => void {
  const core = new AuthCore(session, policy)
  const { request, response } = fly.interceptors as unknown as Interceptors
  const theirs = { request: request.handler, response: response.handler, error: response.onerror }
  const uses = { request: request.use, response: response.use }
  /** The token that a request carries, and whether it is a repetition. */
  const carried = new WeakMap<object, { token: string; replay: boolean }>()
  let installed = true

  const onSend = async (options: FlyOptions): Promise<unknown> => {
    const again = carried.get(options)?.replay
    if (!again) {
      const sent = await (theirs.request?.call(request, options, Promise) || options)
      // Anything but the options is an answer, and there is no request.
      if (sent !== options || !installed || !needsLogin(options)) {
        carried.delete(options)
        return sent
      }
      carried.set(options, { token: await session.getToken(), replay: false })
    }
    const { token } = carried.get(options) as { token: string }
    carry(options, core.header(token))
    return options
  }

  /** What takes the place of an answer; undefined where the answer stays. */
  const settle = async (options: FlyOptions | undefined, answer: Answer | undefined): Promise<Instead | undefined> => {
    const state = options && carried.get(options)
    if (!installed || !state || !answer) return undefined
    const http = httpOf(answer)
    const verdict = core.verdict(http)
    if (verdict === 'expired') {
      if (state.replay) throw core.replayFailed(http)
      if (options.replay !== false) return { instead: await replay(options, await core.renew(state.token)) }
      await core.renew(state.token).catch((e) => session.logger.warn('mpauth: renewal for the next request', e))
    }
    if (verdict === 'decrypt') await core.renewKey()
    const refusal = core.refusal(http)
    if (refusal) throw refusal
    return undefined
  }

  const replay = (options: FlyOptions, token: string): Promise<unknown> => {
    const again = { ...options, headers: { ...options.headers } }
    carried.set(again, { token, replay: true })
    return fly.request(again.url as string, again.body, again)
  }

  request.handler = onSend
  response.handler = async (answer) => {
    const settled = await settle(answer.request, answer)
    if (settled) return settled.instead
    const said = theirs.response?.call(response, answer, Promise)
    return said === undefined ? answer : said
  }
  response.onerror = async (failure) => {
    const settled = await settle(failure.request, failure.response)
    if (settled) return settled.instead
    const said = theirs.error?.call(response, failure, Promise)
    // As fly has it: a promise decides, a value is the new error.
    if (isPromise(said)) return said
    throw said === undefined ? failure : said
  }
  request.use = (handler) => {
    theirs.request = handler
  }
  response.use = (handler, onerror) => {
    theirs.response = handler
    theirs.error = onerror
  }

  return () => {
    installed = false
    Object.assign(request, { use: uses.request, handler: theirs.request })
    Object.assign(response, { use: uses.response, handler: theirs.response, onerror: theirs.error })
  }
}

/** fly takes for an address whatever begins with http, and puts all else behind baseURL. */
const needsLogin = ({ needLogin = true, url = '', baseURL }: FlyOptions) =>
  needLogin && (!baseURL || !url.startsWith('http') || sameOrigin(url, baseURL))

/** Other names keep their case, by which fly knows its own. */
function carry(options: FlyOptions, auth: Record<string, string>): void {
  const headers = { ...options.headers }
  const [name = ''] = Object.keys(auth)
  for (const other of Object.keys(headers)) if (other.toLowerCase() === name.toLowerCase()) delete headers[other]
  options.headers = { ...headers, ...auth }
}

const isPromise = (value: unknown): value is Promise<unknown> => typeof (value as Promise<unknown>)?.then === 'function'

/** fly keeps each header as a list. */
function httpOf({ status, headers = {}, data }: Answer): HttpResponse {
  const header: Record<string, string> = {}
  for (const name of Object.keys(headers)) header[name.toLowerCase()] = String(headers[name])
  return { statusCode: status, header, data }
}
