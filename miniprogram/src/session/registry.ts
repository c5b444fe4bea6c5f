import type { User } from '../backend'
import { MpAuthError } from '../errors'
import type { Platform } from '../platform'
import type { Session } from './types'

type Sessions = Record<string, Session>

interface Registry {
  v: 1
  sessions: Sessions
}

/** The sessions that this copy of the SDK has created or found. */
const own: Sessions = {}

/**
 * The sessions of all copies of the SDK in this process: an independent sub-package brings a copy of its own, and two
 * copies that each log in would end one another's session.
 */
function shared(platform: Platform): Sessions {
  const host = platform.shared && platform.shared()
  if (!host) return own
  host.__mpAuth = host.__mpAuth || { v: 1, sessions: {} }
  const { v, sessions } = host.__mpAuth as Registry
  // Another version's registry is left to it.
  return v === 1 && sessions ? sessions : own
}

/** The session of this name that some copy of the SDK has created, entered here too. */
export function sharedSession(platform: Platform, name: string): Session | undefined {
  const session = own[name] || shared(platform)[name]
  if (session) own[name] = session
  return session
}

/** Whether this very copy of the SDK knows the session. */
export const isOwn = (name: string): boolean => name in own

export function register(platform: Platform, session: Session): void {
  own[session.name] = session
  shared(platform)[session.name] = session
}

/** Takes a session out, unless its name belongs to another by now. */
export function unregister(platform: Platform, session: Session): void {
  for (const sessions of [own, shared(platform)]) if (sessions[session.name] === session) delete sessions[session.name]
}

/** The session of this name, if there is one. */
export function findSession<U extends User = User>(name = 'default'): Session<U> | undefined {
  return own[name] as Session<U> | undefined
}

/** The session of this name; throws CONFIG when there is none: `createSession` has to run first. */
export function useSession<U extends User = User>(name = 'default'): Session<U> {
  const session = findSession<U>(name)
  if (!session) throw new MpAuthError('CONFIG', `no session '${name}': call createSession first`)
  return session
}
