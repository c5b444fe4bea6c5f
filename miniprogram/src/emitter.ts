/** Hears an event. What it returns is not looked at, but for a promise that rejects. */
export type Listener<E> = (event: E) => unknown

interface Entry {
  fn: Listener<never>
  once: boolean
}

/**
 * Typed events. `emit` calls the listeners at once, in their order, and waits for none: a listener that waits for
 * the one who emits could otherwise hold up both for ever. What listeners throw, or reject with, goes to `onError`.
 */
export class Emitter<Events extends object> {
  private entries = new Map<keyof Events, Entry[]>()

  constructor(private readonly onError: (error: unknown, name: keyof Events) => void = () => {}) {}

  /** Returns what ends it. */
  on<K extends keyof Events>(name: K, fn: Listener<Events[K]>): () => void {
    return this.add(name, { fn, once: false })
  }

  /** As `on`, for one event. */
  once<K extends keyof Events>(name: K, fn: Listener<Events[K]>): () => void {
    return this.add(name, { fn, once: true })
  }

  /** Ends one listener of an event, or without `fn` all of them. */
  off<K extends keyof Events>(name: K, fn?: Listener<Events[K]>): void {
    this.keep(name, (entry) => fn !== undefined && entry.fn !== fn)
  }

  /** Ends all listeners. */
  clear(): void {
    this.entries.clear()
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const entry of this.entries.get(name) ?? []) {
      // One that an earlier listener has ended is not called any more.
      if (!this.entries.get(name)?.includes(entry)) continue
      if (entry.once) this.keep(name, (other) => other !== entry)
      try {
        const result = (entry.fn as Listener<Events[K]>)(event) as PromiseLike<unknown> | null | undefined
        if (typeof result?.then === 'function') result.then(undefined, (error: unknown) => this.failed(error, name))
      } catch (error) {
        this.failed(error, name)
      }
    }
  }

  private add(name: keyof Events, entry: Entry): () => void {
    this.entries.set(name, [...(this.entries.get(name) ?? []), entry])
    return () => this.keep(name, (other) => other !== entry)
  }

  private keep(name: keyof Events, test: (entry: Entry) => boolean): void {
    this.entries.set(name, (this.entries.get(name) ?? []).filter(test))
  }

  private failed(error: unknown, name: keyof Events): void {
    try {
      this.onError(error, name)
    } catch {
      // There is nobody left to tell.
    }
  }
}
