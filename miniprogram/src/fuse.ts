import { MpAuthError } from './errors'

export interface FuseOptions {
  /** For error messages. */
  name?: string
  /** How many tries may follow one another before one trips the fuse. 3. */
  maxTries?: number
  /** How long it stays open, in ms. 5000. */
  restoreMs?: number
  /** A pause that ends a row of tries, in ms. 1000. */
  coolDownMs?: number
  /** Milliseconds since 1970. Date.now. */
  now?: () => number
  /** Called with true when it trips, and with false at the first try after that may pass, or at `reset`. */
  onChange?: (open: boolean) => void
}

/**
 * Stops a row of tries that follow too closely on one another. It reads the clock when asked and has no timer:
 * timers stand still while a Mini Program is in the background, and one may fire for a row that is long over.
 */
export class Fuse {
  private count = 0
  private last = 0
  private openedAt: number | null = null

  private readonly options

  constructor(options: FuseOptions = {}) {
    this.options = { maxTries: 3, restoreMs: 5000, coolDownMs: 1000, now: Date.now, ...options }
  }

  get isOpen(): boolean {
    return this.leftMs(this.options.now()) > 0
  }

  /**
   * Counts a try. Throws FUSE_OPEN, with `retryAfterMs`, for the one beyond `maxTries` and until it is restored;
   * tries that are refused do not count.
   */
  pass(): void {
    const { maxTries, coolDownMs } = this.options
    const now = this.options.now()
    if (this.leftMs(now) > 0) throw this.refusal(now)
    const pause = now - this.last
    if (this.openedAt !== null || pause < 0 || pause >= coolDownMs) this.reset()
    this.last = now
    if (++this.count <= maxTries) return
    this.openedAt = now
    this.changed(true)
    throw this.refusal(now)
  }

  /** Takes one try back, one that failed through no fault of its own. */
  uncount(): void {
    if (this.count > 0) this.count--
  }

  /** As new. */
  reset(): void {
    const wasOpen = this.openedAt !== null
    this.count = 0
    this.openedAt = null
    if (wasOpen) this.changed(false)
  }

  /** A clock that was set back tells nothing about the time passed: closed. */
  private leftMs(now: number): number {
    const { openedAt } = this
    return openedAt === null || now < openedAt ? 0 : openedAt + this.options.restoreMs - now
  }

  private refusal(now: number): MpAuthError {
    return new MpAuthError('FUSE_OPEN', this.options.name, { retryable: true, retryAfterMs: this.leftMs(now) })
  }

  private changed(open: boolean): void {
    try {
      if (this.options.onChange) this.options.onChange(open)
    } catch {
      // Whoever watches has no say in what passes.
    }
  }
}
