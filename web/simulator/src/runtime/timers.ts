interface Timer {
  due: number
  handler: () => void
  every: number | undefined
  native: ReturnType<typeof setTimeout> | undefined
}

/**
 * The timers of a Mini Program. They stand still while WeChat suspends the program, and end with it; so
 * does what is delivered to the program in the meantime.
 */
export class Timers {
  #suspended = false
  #ended = false
  #next = 1
  readonly #timers = new Map<number, Timer>()
  readonly #held: (() => void)[] = []
  readonly #guard: (run: () => void) => void

  /** `guard` runs code of the program and reports what it throws. */
  constructor(guard: (run: () => void) => void) {
    this.#guard = guard
  }

  readonly setTimeout = (handler: unknown, ms?: number, ...args: unknown[]) => this.#add(handler, ms, args, false)
  readonly setInterval = (handler: unknown, ms?: number, ...args: unknown[]) => this.#add(handler, ms, args, true)
  readonly clear = (id: number | undefined) => {
    if (id === undefined) return
    clearTimeout(this.#timers.get(id)?.native)
    this.#timers.delete(id)
  }

  /** Runs the function in a task of its own, after a suspension if there is one. */
  deliver(run: () => void): void {
    setTimeout(() => {
      if (this.#ended) return
      if (this.#suspended) this.#held.push(run)
      else run()
    }, 0)
  }

  suspend(): void {
    this.#suspended = true
    for (const timer of this.#timers.values()) clearTimeout(timer.native)
  }

  resume(): void {
    if (!this.#suspended) return
    this.#suspended = false
    for (const run of this.#held.splice(0)) this.deliver(run)
    for (const [id, timer] of this.#timers) this.#start(id, timer)
  }

  /** Nothing runs any more. */
  end(): void {
    this.suspend()
    this.#ended = true
    this.#timers.clear()
  }

  #add(handler: unknown, ms: number | undefined, args: unknown[], repeat: boolean): number {
    const id = this.#next++
    if (this.#ended || typeof handler !== 'function') return id
    const wait = Math.max(0, Number(ms) || 0)
    const timer: Timer = {
      due: Date.now() + wait,
      handler: () => handler(...args),
      every: repeat ? Math.max(wait, 4) : undefined,
      native: undefined,
    }
    this.#timers.set(id, timer)
    if (!this.#suspended) this.#start(id, timer)
    return id
  }

  #start(id: number, timer: Timer) {
    timer.native = setTimeout(
      () => {
        if (timer.every === undefined) this.#timers.delete(id)
        else {
          timer.due = Date.now() + timer.every
          this.#start(id, timer)
        }
        this.#guard(timer.handler)
      },
      Math.max(0, timer.due - Date.now()),
    )
  }
}
