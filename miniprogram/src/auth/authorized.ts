import { isMpAuthError } from '../errors'
import { AuthDisplayMode, type MustAuthOptions, type Session } from '../session/types'

/** What guards use of a session. */
export type GuardSession = Pick<Session, 'platform' | 'logger' | 'flow' | 'loggedOut' | 'missing' | 'mustAuth' | 'me'>

/** Asks, then goes on. */
export type Turn = <T>(ask: () => Promise<unknown>, then: () => Promise<T>) => Promise<T>

/** Errors of operations that must not run again. */
const final = new WeakSet<object>()

/** Says of an error that nobody is to be asked because of it: its operation has done something, or ran again already. */
export function asFinal<E extends object>(error: E): E {
  final.add(error)
  return error
}

/**
 * Runs an operation. When the server refuses it with AUTH_STEP_REQUIRED, the person is asked for what is missing and
 * it runs once more, never oftener: a second refusal is the answer, for whatever stands around it too.
 *
 * Rejects with what the operation or mustAuth rejects with; after a logout meanwhile, and in mode NONE, with the refusal.
 *
 * `turn` says what stands around asking, for guards that ask once for several calls.
 */
export async function authorized<T>(
  session: GuardSession,
  run: () => T | Promise<T>,
  options: MustAuthOptions = {},
  turn: Turn = (ask, then) => ask().then(then),
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!isMpAuthError(error, 'AUTH_STEP_REQUIRED') || final.has(error)) throw error
    // Who has logged out meanwhile is not logged in again by an operation of before.
    if (session.loggedOut || options.mode === AuthDisplayMode.NONE) throw error
    return turn(
      () => satisfy(session, error.need || session.flow, options),
      async () => {
        try {
          return await run()
        } catch (again) {
          throw isMpAuthError(again) ? asFinal(again) : again
        }
      },
    )
  }
}

async function satisfy(session: GuardSession, need: MustAuthOptions['need'] & object, options: MustAuthOptions) {
  // The server knows better, for example that a phone was unbound on another device.
  if (!session.missing(need).length) await session.me()
  await session.mustAuth({ ...options, need })
}
