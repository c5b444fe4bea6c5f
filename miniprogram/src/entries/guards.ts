/** `mpauth/guards`: what stands around the functions and the pages of an app. */
export { authPageUrl, leaveAuthPage, needOf } from '../auth/auth-page'
export { createGuards, type GuardOptions, type Guards, type MustAuthDecorator } from '../auth/guards'
export { type AsyncDecorator, type AsyncMethod, fuseLine, singleQueue } from '../decorators'
