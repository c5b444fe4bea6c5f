/** One thing that happened between the Mini Program and its surroundings. */
export interface TraceEvent {
  /** Counts up from 1. */
  id: number
  /** Milliseconds since the epoch. */
  at: number
  /**
   * `call`: the program called an API of wx, `answer`: what it got. `request` and `response`: the HTTP below
   * it. `life`: a life cycle, `event`: an event that a built-in component gave, `log`: what the program wrote.
   */
  kind: 'call' | 'answer' | 'request' | 'response' | 'life' | 'event' | 'log'
  /** The API, the address, the life cycle or the level of the log. */
  name: string
  /** The id of the event that this one answers. */
  of?: number
  /** False for a failure. */
  ok?: boolean
  /** Particulars, with secrets masked. */
  detail?: unknown
}

type Listener = (event: TraceEvent) => void

/** Records what happens, without secrets, for a person to read. Keeps the last thousand events. */
export class Trace {
  #count = 0
  readonly #events: TraceEvent[] = []
  readonly #listeners = new Set<Listener>()

  /** Records an event and returns its id, for the answer to refer to. */
  add(kind: TraceEvent['kind'], name: string, more: Pick<TraceEvent, 'of' | 'ok' | 'detail'> = {}): number {
    const event: TraceEvent = { id: ++this.#count, at: Date.now(), kind, name, ...more }
    if ('detail' in more) event.detail = mask(more.detail)
    this.#events.push(event)
    if (this.#events.length > 1000) this.#events.shift()
    for (const listener of this.#listeners) listener(event)
    return event.id
  }

  get events(): readonly TraceEvent[] {
    return this.#events
  }

  /** Calls the listener with each event from now on. Returns what ends it. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

const secrets = [
  '(js_?|phone|login)?code',
  '(access_?|refresh_?|id_?|prefetch_?)?token',
  'authorization|(set-)?cookie|nonce|password|secret|signature',
  'session_?key|encrypted_?data|iv|raw_?data|cloud_?id',
]
const secret = new RegExp(`^(${secrets.join('|')})$`, 'i')
const phone = /phone|mobile/i

/** A copy that a screen may show: secrets cut to their first characters, phone numbers without their middle. */
export function mask(value: unknown, name = '', depth = 0): unknown {
  if (typeof value === 'string') return maskText(value, name)
  if (typeof value === 'number' && phone.test(name)) return maskPhones(String(value))
  if (typeof value === 'function') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth > 6) return '…'
  if (value instanceof ArrayBuffer) return `${value.byteLength} bytes`
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => mask(item, name, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => typeof item !== 'function')
      .map(([key, item]) => [key, mask(item, key, depth + 1)]),
  )
}

function maskText(text: string, name: string): string {
  if (secret.test(name) && !/^[A-Z][A-Z_]{2,40}$/.test(text)) return cut(text)
  if (/^\s*[{[]/.test(text)) {
    try {
      return JSON.stringify(mask(JSON.parse(text)))
    } catch {
      // Not JSON after all.
    }
  }
  const shown = text
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]*/g, cut)
    .replace(/\bBearer\s+([\w.~+/=-]+)/gi, (_, token: string) => `Bearer ${cut(token)}`)
    .replace(
      /([?&](?:code|token|access_token|session_key|secret|js_code)=)([^&#\s]+)/gi,
      (_, key: string, v: string) => key + cut(v),
    )
    .replace(/\b[0-9a-fA-F]{32,}\b/g, cut)
  const masked = maskPhones(shown)
  return masked.length > 2000 ? `${masked.slice(0, 2000)}…` : masked
}

function maskPhones(text: string): string {
  return text.replace(/(?<![\w.])(\+?\d{0,3}-?1[3-9]\d)\d{5}(\d{3})(?!\w)/g, '$1*****$2')
}

function cut(text: string): string {
  return text.length > 12 ? `${text.slice(0, 4)}…` : text === '' ? '' : '…'
}
