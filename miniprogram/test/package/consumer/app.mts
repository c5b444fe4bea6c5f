// An app in TypeScript whose bundler reads ES modules. It knows neither WeChat's typings nor Node's.
import {
  AuthDisplayMode,
  AuthStep,
  createSession,
  isMpAuthError,
  type Session,
  type User,
  useSession,
  wechat,
} from 'mpauth'
import { installFly } from 'mpauth/fly'
import { createGraphQL, graphqlBackend, type StringDocument } from 'mpauth/graphql'
import { createGuards, singleQueue } from 'mpauth/guards'
import { logTo, type RealtimeLogManager, realtimeSink } from 'mpauth/log'
import { createRequest } from 'mpauth/request'
import { textOf } from 'mpauth/texts'

const url = 'https://example.com/graphql'
const session: Session = createSession({
  platform: wechat(),
  backend: graphqlBackend({ url }),
  flow: ['PHONE', 'PROFILE'],
})
declare const manager: RealtimeLogManager
logTo(session.logger, realtimeSink(manager))

const { withAuth, mustAuth } = createGuards(() => session)
export const buy = withAuth(async (id: string, count: number) => ({ id, count }), { need: ['PHONE'] })
export const bought: Promise<{ id: string; count: number } | undefined> = buy('1', 2)

export class Orders {
  @mustAuth({ mustAuthStep: AuthStep.THREE, mode: AuthDisplayMode.PAGE })
  @singleQueue()
  async open(id: string): Promise<string> {
    return id
  }
}

declare const document: StringDocument<{ me: { id: string } }, { first: number }>
const graphql = createGraphQL(session, { url })
export const id: Promise<string> = graphql.query(document, { first: 1 }).then(({ me }) => me.id)
export const request: Promise<unknown> = createRequest(session)({ url, needLogin: false })

export function words(error: unknown): string {
  return isMpAuthError(error, 'FUSE_OPEN') ? `${error.retryAfterMs}` : textOf(error, 'en')
}
export const masked: string | undefined = useSession().user?.phone?.masked
export const user: Promise<User> = session.me()
declare const fly: Parameters<typeof installFly>[0]
installFly(fly, session)

// @ts-expect-error a fact is the server's word for it
session.missing(['phone'])
// @ts-expect-error a session needs a backend
createSession({ platform: wechat() })
// @ts-expect-error a variable of the document is missing
graphql.query(document)
// @ts-expect-error what the person buys keeps its types
buy(1, 2)
// @ts-expect-error nobody writes the token
session.user = null
// @ts-expect-error a code of no error
isMpAuthError(null, 'NO_SUCH_CODE')
