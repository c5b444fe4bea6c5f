import { MpAuthError } from './errors'

export interface LockQueueOptions {
  /** For error messages. */
  name?: string
  /** How many calls may wait for the one that runs. 100. */
  maxQueue?: number
}

/** One flight at a time: who calls while it is under way gets its result, or its error. */
export class LockQueue {
  private flight: Promise<unknown> | null = null
  private waiting = 0

  constructor(private readonly options: LockQueueOptions = {}) {}

  /** Whether a flight is under way. */
  get busy(): boolean {
    return this.flight !== null
  }

  /**
   * Runs `fn`, unless a flight is under way: then waits for that one, and `fn` is not called. All calls that share a
   * queue must therefore mean the same. Rejects with QUEUE_OVERFLOW at once when too many wait.
   *
   * The lock is free by the time anybody resumes, so a waiter may call again. `fn` must not wait for a call of its
   * own queue: that would be to wait for itself.
   */
  run<T>(fn: () => Promise<T> | T): Promise<T> {
    const { name, maxQueue = 100 } = this.options
    if (this.flight) {
      if (this.waiting >= maxQueue) return Promise.reject(new MpAuthError('QUEUE_OVERFLOW', name, { retryable: true }))
      this.waiting++
      return this.flight as Promise<T>
    }
    // The lock is taken before fn runs, for what fn calls before its first await.
    let settle: (result: Promise<T>) => void = () => {}
    const flight = new Promise<T>((resolve) => {
      settle = resolve
    }).finally(() => {
      this.flight = null
      this.waiting = 0
    })
    this.flight = flight
    settle(new Promise((go) => go(fn())))
    return flight
  }
}
