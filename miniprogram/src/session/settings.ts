import type { User } from '../backend'
import { Logger } from '../logger'
import { delay } from '../status'
import { defaultFlow } from '../step'
import type { SessionOptions } from './types'

/** The options of a session, with what was left out filled in. */
export type Settings<U extends User = User> = SessionOptions<U> &
  Required<
    Pick<
      SessionOptions<U>,
      | 'name'
      | 'flow'
      | 'tabPages'
      | 'leewayMs'
      | 'loginTimeoutMs'
      | 'maxQueue'
      | 'storage'
      | 'logger'
      | 'now'
      | 'random'
      | 'delay'
    >
  > & { retry: { times: number; baseMs: number } }

export function settingsOf<U extends User>(options: SessionOptions<U>): Settings<U> {
  return {
    name: 'default',
    flow: defaultFlow,
    tabPages: [],
    leewayMs: 60_000,
    loginTimeoutMs: 8000,
    maxQueue: 100,
    storage: options.platform.storage,
    logger: options.logger || new Logger(),
    now: Date.now,
    random: Math.random,
    delay,
    ...options,
    retry: { times: 1, baseMs: 300, ...options.retry },
  }
}
