// The login that the page works with. It learns of it from the answers that pass by, whoever asked.
import { useSyncExternalStore } from 'react'
import type { Answer } from './answer'

export interface Login {
  token: string
  /** Absent when the query did not ask for it. */
  refreshToken?: string | undefined
  /** When the access token's time is over, by the clock of `Date.now`. */
  expiresAt: number
  /** The WeChat user whose code was used; empty when the code came from elsewhere. */
  user: string
  /** Whether the person has logged out since. */
  ended: boolean
}

let current: Login | undefined
let answers = 0
const listeners = new Set<() => void>()
const userOfCode = new Map<string, string>()
const issued = new Set<string>()

export const login = {
  /** How many answers there have been. */
  answers: () => answers,

  /** Remembers whose code this is. */
  expect(code: string, user: string) {
    userOfCode.set(code, user)
  },

  /**
   * Looks for a login, a refresh or a logout in what was asked and answered. `bearer` is the
   * Authorization header that was sent.
   */
  notice(variables: unknown, bearer: string | undefined, { data, errors }: Answer) {
    const { code, scope, refreshToken } = inputOf(variables)
    const ours = bearer === `Bearer ${current?.token}` || refreshToken === current?.refreshToken
    const loggedOut = data?.logout && scope !== 'OTHERS'
    const refused = errors?.some((e) => e.extensions?.code === 'SESSION_REVOKED')
    if (current && ours && (loggedOut || refused)) current = { ...current, ended: true }
    for (const field of Object.values(data ?? {})) {
      if (isAuthPayload(field)) {
        issued.add(field.token)
        const user = typeof code === 'string' ? userOfCode.get(code) : current?.user
        const expiresAt = Date.now() + (field.expiresIn ?? 600) * 1000
        current = { token: field.token, refreshToken: field.refreshToken, expiresAt, user: user ?? '', ended: false }
      }
    }
    answers++
    for (const listener of listeners) listener()
  },
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useLogin = () => useSyncExternalStore(subscribe, () => current)

export const useAnswers = () => useSyncExternalStore(subscribe, login.answers)

/**
 * The text of the headers editor with the token in it, or undefined when it is to stay as it is: it
 * has the token already, or it has one that the person wrote, or it is no JSON.
 */
export function withBearer(text: string, token: string): string | undefined {
  let headers: Record<string, unknown>
  try {
    headers = text.trim() ? JSON.parse(text) : {}
  } catch {
    return undefined
  }
  const before = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1]
  const after = `Bearer ${token}`
  const ours = before === undefined || (typeof before === 'string' && issued.has(before.replace(/^Bearer /, '')))
  return ours && before !== after ? JSON.stringify({ ...headers, Authorization: after }, null, 2) : undefined
}

interface AuthPayload {
  token: string
  expiresIn?: number
  refreshToken?: string
}

function isAuthPayload(field: unknown): field is AuthPayload {
  return typeof field === 'object' && field !== null && 'token' in field && typeof field.token === 'string'
}

function inputOf(variables: unknown): Record<string, unknown> {
  return (variables as { input?: Record<string, unknown> } | null | undefined)?.input ?? {}
}
