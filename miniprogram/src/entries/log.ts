/** `mpauth/log`: logs with all their details, without secrets, and places for them beside the console. */
export { logTo } from '../log-to'
export * from '../realtime-sink'
export { redact } from '../redact'
