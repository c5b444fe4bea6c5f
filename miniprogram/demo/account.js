import { createAccount } from 'mpauth/account'
import { graphql, session } from './auth'

export const account = createAccount(session, graphql)
