// What the page asks of the server that it came from. There is nobody else it could ask: the
// Content-Security-Policy allows no other address.
import type { Fetcher } from '@graphiql/toolkit'
import { Kind, parse } from 'graphql'
import { administrator } from './administrator'
import type { Answer } from './answer'
import { login } from './login'

interface Settings {
  /** The AppIDs that the server serves. */
  apps: string[]
  /** Whether WeChat is the fake inside the server. */
  fake: boolean
  /** Whether the page is for administrators, who show a key. */
  administrators: boolean
}

export const settings: Settings = JSON.parse(
  document.querySelector<HTMLMetaElement>('meta[name=mpauth]')?.content ?? '',
)

interface Request {
  query: string
  operationName?: string | null
  variables?: unknown
}

/** Sends a request to the GraphQL endpoint, and lets `login` see what came back. */
export async function ask(request: Request, headers?: Record<string, string>): Promise<Answer> {
  const body = JSON.stringify({ ...request, operationName: soleOperation(request.query) ?? request.operationName })
  const reply = await send('/graphql', body, settings.administrators ? { ...administrator.header(), ...headers } : headers)
  const answer: Answer = await reply.json().catch(() => {
    throw new Error(`The server answered with status ${reply.status} and no JSON.`)
  })
  if (settings.administrators) administrator.notice(answer)
  else login.notice(request.variables, headers?.Authorization, answer)
  return answer
}

export const fetcher: Fetcher = (request, options) => ask(request, options?.headers)

/**
 * The name of the only operation of a document. GraphiQL tells the name with a delay after a tab was
 * changed, and would send that of the tab before.
 */
function soleOperation(query: string): string | undefined {
  try {
    const operations = parse(query).definitions.filter((d) => d.kind === Kind.OPERATION_DEFINITION)
    return operations.length === 1 ? operations[0]?.name?.value : undefined
  } catch {
    return undefined // the server says what is wrong with it
  }
}

/** Lets the fake WeChat make what a Mini Program would get from `wx.login` or from a tapped button. */
export async function newCode(kind: 'login-code' | 'phone-code', appid: string, user: string): Promise<string> {
  const reply = await send(`/fakewechat/_control/${kind}`, JSON.stringify({ appid, user }))
  const answer: { code?: string; error?: string } = await reply.json()
  if (!answer.code) throw new Error(`The fake WeChat refuses: ${answer.error}`)
  return answer.code
}

function send(path: string, body: string, headers?: Record<string, string>): Promise<Response> {
  return fetch(path, {
    method: 'POST',
    headers: { Accept: 'application/json', ...headers, 'Content-Type': 'application/json' },
    credentials: 'omit',
    body,
  })
}
