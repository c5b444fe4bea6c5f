// The administrator's key, and the person they are looking at. Both are in memory alone: a reload
// forgets them.
import { useSyncExternalStore } from 'react'
import type { Answer } from './answer'

export interface Administrator {
  key: string
  /** The id of the person who was found last; empty when nobody was. */
  person: string
  /** Whether the server has refused the key. */
  refused: boolean
}

// The server's link carries the key behind the #, which no request holds; from there on it is gone.
const handedOver = new URLSearchParams(location.hash.slice(1)).get('key') ?? ''
if (handedOver) history.replaceState(null, '', location.pathname)

let current: Administrator = { key: handedOver, person: '', refused: false }
const listeners = new Set<() => void>()

function change(to: Partial<Administrator>) {
  current = { ...current, ...to }
  for (const listener of listeners) listener()
}

export const administrator = {
  use: (key: string) => change({ key, refused: false }),

  /** The header that a request carries unless somebody wrote another. */
  header: (): Record<string, string> => (current.key ? { Authorization: `Bearer ${current.key}` } : {}),

  /** Looks into an answer for a person who was found, and for a key that was refused. */
  notice({ data, errors }: Answer) {
    const found = data?.users as { edges?: { node?: { id?: string } }[] } | undefined
    const person = found?.edges?.[0]?.node?.id
    if (person) change({ person })
    const refused = errors?.some((e) => e.extensions?.code === 'UNAUTHENTICATED') ?? false
    if (refused !== current.refused) change({ refused })
  },
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const useAdministrator = () => useSyncExternalStore(subscribe, () => current)
