import type { Storage } from '../platform'

/**
 * A storage in memory. Values are kept as JSON in `entries`, so that what comes out is a copy, as on a phone; a test
 * reads there what is kept, breaks it, or starts a second platform with it, which is a restart of the app.
 */
export function memoryStorage(entries: Record<string, string> = {}): Storage {
  return {
    get: (key) => (key in entries ? JSON.parse(entries[key] as string) : undefined),
    set(key, value) {
      entries[key] = JSON.stringify(value)
    },
    remove(key) {
      delete entries[key]
    },
  }
}
