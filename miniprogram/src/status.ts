import { MpAuthError } from './errors'

/** Where a Status is. The numbers are those of the published state machine. */
export enum StatusState {
  FAIL = -1,
  UN_START = 0,
  ING = 1,
  SUCCESS = 2,
}

/** Calls back once after so many ms; returns what calls it off. */
export type Delay = (ms: number, then: () => void) => () => void

declare const setTimeout: (then: () => void, ms: number) => unknown
declare const clearTimeout: (id: unknown) => void

/** The Delay of the platform. */
export const delay: Delay = (ms, then) => {
  const id = setTimeout(then, ms)
  return () => clearTimeout(id)
}

export interface StatusOptions {
  /** How timeouts are measured. `delay`. */
  delay?: Delay
  /** Hears what subscribers throw; nothing else does. */
  onError?: (error: unknown) => void
}

export interface MustOptions {
  /** `settled`: a failure rejects, one that is there already too. `success`: a failure is waited out. `settled`. */
  until?: 'settled' | 'success'
  /** Gives up with TIMEOUT after so many ms; never when absent. */
  timeoutMs?: number
}

/** What somebody waits for, by the state that it is; and what calls its timeout off. */
type Waiter = { [state in StatusState]?: (result: never) => void } & { cancel?: () => void }

const ignore = () => {}

/**
 * A state that others can wait for: something has not started, is going on, has succeeded or has failed.
 * Pages wait with `must` for what the app began before them, because no hook of an app holds up a page.
 */
export class Status<T = void> {
  private current = StatusState.UN_START
  private lastValue: T | undefined
  private lastError: unknown
  private turn = 0
  private waiters: Waiter[] = []
  private subscribers: ((status: Status<T>) => void)[] = []

  constructor(
    readonly name: string,
    private readonly options: StatusOptions = {},
  ) {}

  get state(): StatusState {
    return this.current
  }

  /** What the last success brought; undefined before the first, and after `reset`. */
  get value(): T | undefined {
    return this.lastValue
  }

  /** Why the last attempt failed; undefined after a success or `reset`. */
  get error(): unknown {
    return this.lastError
  }

  isIng(): boolean {
    return this.current === StatusState.ING
  }

  isSuccess(): boolean {
    return this.current === StatusState.SUCCESS
  }

  isFail(): boolean {
    return this.current === StatusState.FAIL
  }

  /** It goes on: who asks from now on waits. */
  ing(): void {
    this.change(StatusState.ING)
  }

  success(value: T): void {
    this.lastValue = value
    this.lastError = undefined
    this.change(StatusState.SUCCESS)
  }

  fail(error?: unknown): void {
    this.lastError = error
    this.change(StatusState.FAIL)
  }

  /** Back to the start. Who waits goes on waiting. */
  reset(): void {
    this.lastValue = this.lastError = undefined
    this.change(StatusState.UN_START)
  }

  /** Follows a promise, and returns it. Its end counts only if nothing else has changed the state by then. */
  track(promise: Promise<T>): Promise<T> {
    this.ing()
    const turn = this.turn
    promise.then(
      (value) => turn === this.turn && this.success(value),
      (error) => turn === this.turn && this.fail(error),
    )
    return promise
  }

  /**
   * Waits for the end: at once when it is there, else when it comes. Resolves with the value, rejects with the
   * error that was given to `fail`, or with TIMEOUT.
   *
   * `fn` is called with the value, after a success only. With it the promise may be left alone: a failure then
   * raises no unhandled rejection. What `fn` itself throws does, as a mistake of its author's.
   */
  must(fn?: ((value: T) => unknown) | null, options: MustOptions = {}): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      if (this.isSuccess()) return resolve(this.lastValue as T)
      const patient = options.until === 'success'
      if (this.isFail() && !patient) return reject(this.lastError)
      const ms = options.timeoutMs
      const wait: Waiter = { [StatusState.SUCCESS]: resolve, ...(!patient && { [StatusState.FAIL]: reject }) }
      this.waiters.push(wait)
      if (ms === undefined) return
      wait.cancel = (this.options.delay || delay)(ms, () => {
        this.waiters = this.waiters.filter((other) => other !== wait)
        reject(new MpAuthError('TIMEOUT', `${this.name} after ${ms} ms`, { retryable: true }))
      })
    })
    if (fn) promise.then(fn, ignore)
    return promise
  }

  /** Waits for the next success; one that is there already does not count, and failures are waited out. */
  onceSuccess(fn?: ((value: T) => unknown) | null): Promise<T> {
    return this.once(StatusState.SUCCESS, fn)
  }

  /** Waits for the next failure, and resolves with its error; one that is there already does not count. */
  onceFail(fn?: ((error: unknown) => unknown) | null): Promise<unknown> {
    return this.once(StatusState.FAIL, fn)
  }

  /** Calls at every change, from within it. What a subscriber throws stops nobody. Returns what ends it. */
  subscribe(fn: (status: Status<T>) => void): () => void {
    const subscriber = (status: Status<T>) => fn(status)
    this.subscribers = [...this.subscribers, subscriber]
    return () => {
      this.subscribers = this.subscribers.filter((other) => other !== subscriber)
    }
  }

  private once<R>(state: StatusState, fn?: ((result: R) => unknown) | null): Promise<R> {
    const promise = new Promise<R>((resolve) => this.waiters.push({ [state]: resolve }))
    if (fn) promise.then(fn)
    return promise
  }

  private change(state: StatusState): void {
    this.current = state
    this.turn++
    this.settle(state)
    for (const subscriber of this.subscribers) {
      try {
        subscriber(this)
      } catch (error) {
        if (this.options.onError) this.options.onError(error)
      }
    }
  }

  /** Before the subscribers, so that one of them that changes the state takes nothing from those who wait. */
  private settle(state: StatusState): void {
    const all = this.waiters
    this.waiters = all.filter((waiter) => !waiter[state])
    const result = state === StatusState.SUCCESS ? this.lastValue : this.lastError
    for (const { [state]: go, cancel } of all) {
      if (!go) continue
      if (cancel) cancel()
      go(result as never)
    }
  }
}
