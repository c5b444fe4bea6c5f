/** `mpauth/graphql`: the login server mpauth, and a GraphQL client with the login. */
export type { StringDocument, TypedDocument } from '../request/document'
export {
  createGraphQL,
  type GraphQL,
  type GraphQLArgs,
  type GraphQLConfig,
  type GraphQLFault,
  type GraphQLOptions,
  type GraphQLResult,
} from '../request/graphql'
export { type GraphQLBackendOptions, graphqlBackend } from '../request/graphql-backend'
