type Listener = (...args: unknown[]) => void
type Guard = (what: string, run: () => void) => unknown

/** One end of the line between a page and the one that opened it: what one end emits, the listeners of the other hear. */
export class EventChannel {
  readonly #guard: Guard
  readonly #listeners = new Map<string, Set<Listener>>()
  #other: EventChannel | undefined

  /** `guard` runs code of the program. An end that is made alone is heard by nobody, as of a page that no other opened. */
  constructor(guard: Guard) {
    this.#guard = guard
  }

  /** Both ends of a new line. The first one hears `events` already. */
  static pair(guard: Guard, events: unknown): [EventChannel, EventChannel] {
    const [near, far] = [new EventChannel(guard), new EventChannel(guard)]
    near.#other = far
    far.#other = near
    for (const [name, listener] of Object.entries(events ?? {})) near.on(name, listener as Listener)
    return [near, far]
  }

  emit(name: string, ...args: unknown[]) {
    const heard = this.#other ? this.#other.#listeners.get(name) : undefined
    for (const listener of [...(heard ?? [])]) this.#guard(`event ${name}`, () => listener(...args))
  }

  on(name: string, listener: Listener) {
    this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener))
  }

  once(name: string, listener: Listener) {
    const once = (...args: unknown[]) => {
      this.off(name, once)
      listener(...args)
    }
    this.on(name, once)
  }

  off(name: string, listener?: Listener) {
    if (listener) this.#listeners.get(name)?.delete(listener)
    else this.#listeners.delete(name)
  }
}
