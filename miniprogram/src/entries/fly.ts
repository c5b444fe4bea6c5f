/** `mpauth/fly`: the login for apps that send with fly.js. */
export * from '../request/fly'
