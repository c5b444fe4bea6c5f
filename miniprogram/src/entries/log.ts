/** `mpauth/log`: places for the log beside the console. */
export * from '../realtime-sink'
