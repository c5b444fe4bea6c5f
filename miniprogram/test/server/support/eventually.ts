import { vi } from 'vitest'

/** Waits until a check passes. The time is far more than anything takes, for machines that are busy. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 30_000, interval: 10 })
