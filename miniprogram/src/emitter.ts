/** Hears an event. What it returns is not looked at, but for a promise that rejects. */
export type Listener<E> = (event: E) => unknown

interface Entry {
  name: PropertyKey
  fn: Listener<never>
  once: boolean
}

/**
 * Typed events. `emit` calls the listeners at once, in their order, and waits for none: a listener that waits for
 * the one who emits could otherwise hold up both for ever. What listeners throw, or reject with, goes to `onError`.
 */
export class Emitter<Events extends object> {
  private entries: Entry[] = []

  constructor(private readonly onError: (error: unknown, name: keyof Events) => void = () => {}) {}

  /** Returns what ends it. */
  on<K extends keyof Events>(name: K, fn: Listener<Events[K]>): () => void {
    return this.add({ name, fn, once: false })
  }

  /** As `on`, for one event. */
  once<K extends keyof Events>(name: K, fn: Listener<Events[K]>): () => void {
    return this.add({ name, fn, once: true })
  }

  /** Ends one listener of an event, or without `fn` all of them. */
  off<K extends keyof Events>(name: K, fn?: Listener<Events[K]>): void {
    this.keep((entry) => entry.name !== name || (fn !== undefined && entry.fn !== fn))
  }

  /** Ends all listeners. */
  clear(): void {
    this.entries = []
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const entry of this.entries) {
      // One that an earlier listener has ended is not called any more.
      if (entry.name !== name || !this.entries.includes(entry)) continue
      if (entry.once) this.drop(entry)
      try {
        const result = (entry.fn as Listener<Events[K]>)(event) as PromiseLike<unknown> | undefined
        if (result && result.then) result.then(undefined, (error: unknown) => this.failed(error, name))
      } catch (error) {
        this.failed(error, name)
      }
    }
  }

  /** Lists are replaced, never changed: `emit` goes on with the one of its start. */
  private add(entry: Entry): () => void {
    this.entries = [...this.entries, entry]
    return () => this.drop(entry)
  }

  private drop(entry: Entry): void {
    this.keep((other) => other !== entry)
  }

  private keep(test: (entry: Entry) => boolean): void {
    this.entries = this.entries.filter(test)
  }

  private failed(error: unknown, name: keyof Events): void {
    try {
      this.onError(error, name)
    } catch {
      // There is nobody left to tell.
    }
  }
}
