/**
 * A clock that moves only when told. `now` and `delay` are what the SDK takes in place of the real ones; `advance`
 * fires the delays that are due, in their order, each at its own time.
 */
export class FakeClock {
  private timers: { at: number; then: () => void }[] = []

  constructor(private time = Date.UTC(2026, 0, 1)) {}

  readonly now = (): number => this.time

  readonly delay = (ms: number, then: () => void): (() => void) => {
    const timer = { at: this.time + ms, then }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((other) => other !== timer)
    }
  }

  /** How many delays have neither fired nor been called off. */
  get pending(): number {
    return this.timers.length
  }

  /** Lets time pass, and promises settle after each delay that fires. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms
    await settled()
    for (let timer = this.next(end); timer; timer = this.next(end)) {
      const due = timer
      this.timers = this.timers.filter((other) => other !== due)
      this.time = Math.max(this.time, due.at)
      due.then()
      await settled()
    }
    this.time = end
  }

  /** Sets the clock, as a person or the network does: no time passes, no delay fires. */
  set(time: number): void {
    this.time = time
  }

  private next(end: number) {
    return this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
  }
}

/** Lets all promises settle that need nothing from outside. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

/** What became of a promise so far. */
export async function outcome(promise: Promise<unknown>): Promise<'pending' | { value: unknown } | { error: unknown }> {
  let result: 'pending' | { value: unknown } | { error: unknown } = 'pending'
  promise.then(
    (value) => {
      result = { value }
    },
    (error) => {
      result = { error }
    },
  )
  await settled()
  return result
}
