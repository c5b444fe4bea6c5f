import { createSession, wechat } from 'mpauth'
import { createGraphQL, graphqlBackend } from 'mpauth/graphql'
import { createGuards } from 'mpauth/guards'
import { flow, server } from './config'

const url = `${server}/graphql`
const pages = {
  authPage: '/pages/auth/index',
  tabPages: ['/pages/home/index', '/pages/scenarios/index/index', '/pages/profile/index'],
}

export const session = createSession({ platform: wechat(), backend: graphqlBackend({ url }), flow, ...pages })
export const graphql = createGraphQL(session, { url })
export const { withAuth, authPage } = createGuards(session)
