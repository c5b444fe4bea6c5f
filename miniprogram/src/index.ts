/** `mpauth`: what an app needs to log in, to guard and to send. */

export { authPageUrl, leaveAuthPage, needOf } from './auth/auth-page'
export { authorized, createGuards, type GuardOptions, type Guards } from './auth/guards'
export type { AuthGateOptions, AuthPopup } from './auth/must-auth'
export type * from './backend'
export { fuseLine, singleQueue } from './decorators'
export { Emitter, type Listener } from './emitter'
export * from './errors'
export { Fuse, type FuseOptions } from './fuse'
export { LockQueue, type LockQueueOptions } from './lock-queue'
export { Logger, type LoggerOptions, LogLevel, type LogMethod, type LogSink, redact } from './logger'
export type * from './platform'
export { AuthCore, type AuthPolicy, isExpired } from './request/auth-core'
export type { StringDocument, TypedDocument } from './request/document'
export {
  createGraphQL,
  type GraphQL,
  type GraphQLConfig,
  type GraphQLOptions,
  type GraphQLResult,
} from './request/graphql'
export { type GraphQLBackendOptions, graphqlBackend } from './request/graphql-backend'
export { createRequest, type RequestConfig, type RequestOptions } from './request/request'
export { codeOf, errorOf } from './request/server-error'
export { findSession, useSession } from './session/registry'
export { createSession } from './session/session'
export * from './session/types'
export { type MustOptions, Status, type StatusOptions, StatusState } from './status'
export * from './step'
export { type WechatOptions, wechat } from './wx'
