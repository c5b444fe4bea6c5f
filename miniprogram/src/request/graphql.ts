import { asFinal, authorized } from '../auth/authorized'
import type { HttpResponse } from '../platform'
import { mergeHeaders } from './address'
import { AuthCore, type AuthPolicy } from './auth-core'
import { type Operation, operationOf, type TypedDocument, textOf } from './document'
import type { RequestSession } from './request'
import { bodyOf, errorOf, refusalOf } from './server-error'

export interface GraphQLConfig {
  url: string
  /** Sent with each request. */
  header?: Record<string, string>
  /** Of a request, in ms. The platform's own when absent. */
  timeout?: number
  policy?: AuthPolicy
  /** Whether AUTH_STEP_REQUIRED asks the person for what is missing and then goes on. True. */
  authorize?: boolean
}

export interface GraphQLOptions {
  /** Which operation of a document that holds several. The first. */
  operationName?: string
  /** Whether the operation waits for a login and carries its token. True. */
  needLogin?: boolean
  /** Whether it is sent again, once, after its token was refused and renewed. True. */
  replay?: boolean
  /** Whether a query joins one in flight that asks the same with the same token. True; mutations never do. */
  dedupe?: boolean
  authorize?: boolean
  header?: Record<string, string>
  timeout?: number
}

/** What a server answered, as it answered it. */
export interface GraphQLResult<R> {
  data?: R | null
  errors?: readonly GraphQLFault[]
  extensions?: Record<string, unknown>
}

/** An error in the words of the GraphQL specification. */
export interface GraphQLFault {
  message: string
  path?: readonly (string | number)[]
  extensions?: Record<string, unknown>
}

/** The variables may be left out where none is required. */
export type GraphQLArgs<V> =
  Record<string, never> extends V ? [variables?: V, options?: GraphQLOptions] : [variables: V, options?: GraphQLOptions]

type Call = <R = unknown, V = Record<string, unknown>>(
  document: string | TypedDocument<R, V>,
  ...args: GraphQLArgs<V>
) => Promise<R>

export interface GraphQL {
  /** The data of an operation; the three differ in what a reader expects. Rejects with an MpAuthError: the server's first error, or why there was no answer. */
  query: Call
  mutate: Call
  request: Call
  /** The whole answer, with partial data. Rejects only when there is no GraphQL answer, or no login for it. */
  raw<R = unknown, V = Record<string, unknown>>(
    document: string | TypedDocument<R, V>,
    ...args: GraphQLArgs<V>
  ): Promise<GraphQLResult<R>>
}

/** Whether something was done: a mutation of several fields may have been refused in part. */
function hasDone({ kind }: Operation, response: HttpResponse): boolean {
  return kind !== 'query' && Object.values(bodyOf(response)?.data ?? {}).some((field) => field !== null)
}

/** A GraphQL client with the login, for mpauth and for the app's own server. */
export function createGraphQL(session: RequestSession, config: GraphQLConfig): GraphQL {
  const core = new AuthCore(session, config.policy)
  const inFlight = new Map<string, Promise<HttpResponse>>()

  /** The answer, of which is sure that it is GraphQL. */
  async function send(
    document: string | TypedDocument<unknown, never>,
    variables: unknown,
    options: GraphQLOptions = {},
  ): Promise<HttpResponse> {
    const query = textOf(document)
    const operation = operationOf(query, options.operationName)
    const { kind, name: operationName } = operation
    const { needLogin = true, replay = true, dedupe = true } = options
    const header = mergeHeaders({ 'content-type': 'application/json' }, config.header, options.header)
    const timeout = options.timeout ?? config.timeout
    const data = { query, operationName, variables }
    const post = async () => {
      const response = await core.run(
        needLogin,
        (refusal) => replay && !hasDone(operation, refusal),
        (auth) =>
          session.platform.request({
            url: config.url,
            method: 'POST',
            data,
            header: mergeHeaders(header, auth),
            ...(timeout && { timeout }),
          }),
      )
      const body = bodyOf(response)
      if (body?.data === undefined && !(body?.errors as unknown[] | undefined)?.length) {
        throw refusalOf(response, operationName)
      }
      return response
    }
    if (kind !== 'query' || !dedupe) return post()
    const key = JSON.stringify([needLogin && session.peekToken(), data, replay, header, timeout])
    let flight = inFlight.get(key)
    if (!flight) {
      const over = () => inFlight.delete(key)
      flight = post()
      inFlight.set(key, flight)
      flight.then(over, over)
    }
    return flight
  }

  const call = <R, V>(
    document: string | TypedDocument<R, V>,
    ...[variables, options = {}]: GraphQLArgs<V>
  ): Promise<R> => {
    const run = async () => {
      const response = await send(document, variables, options)
      const operation = operationOf(textOf(document), options.operationName)
      const error = core.refusal(response, operation.name) ?? errorOf(response, operation.name)
      if (error) throw hasDone(operation, response) ? asFinal(error) : error
      return bodyOf(response)?.data as R
    }
    return (options.authorize ?? config.authorize ?? true) ? authorized(session, run) : run()
  }

  return {
    query: call,
    mutate: call,
    request: call,
    raw: async (document, ...[variables, options]) => bodyOf(await send(document, variables, options)) as never,
  }
}
