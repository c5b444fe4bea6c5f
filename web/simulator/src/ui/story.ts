import type { Trace, TraceEvent } from '../trace'
import { fill, type Words } from './words'

/** What a person reads of one or several events. */
export interface Line {
  id: number
  kind: 'start' | 'page' | 'wx' | 'graphql' | 'wechat' | 'person' | 'life' | 'error'
  text: string
  at: number
  /** Milliseconds since the app was opened. */
  since: number
  /** How long it took; absent while it is under way, and for what takes no time. */
  ms?: number
  ok?: boolean
  /** Whether an answer is still to come. */
  open: boolean
  /** How it ended, in a word or two. */
  outcome: string
  /** Too small to be shown unasked. */
  small: boolean
  details: [string, unknown][]
}

/** `after` is the line below which a new one belongs; absent for the end. */
type Tell = (line: Line, after?: Line) => void
type Errors = { errors?: { message?: string; extensions?: { code?: string } }[] }

/** Calls without which a login would be the same. */
const small =
  /^(get|set|remove|clear)Storage|Info(Sync|Async)?$|^getSystemInfo|^getAccountInfo|OptionsSync$|^set(NavigationBar|TabBar)|^(canIUse|nextTick|getMenuButton)|^(getRealtime)?LogManager|^(show|hide)(Toast|Loading)$|^getNetworkType$|^openPrivacyContract$|^onNeedPrivacy/

/** Tells what happens to a Mini Program line by line: a call and its answer are one line. */
export class Story {
  readonly #w: Words
  readonly #user: () => string
  readonly #tell: Tell
  readonly #lines = new Map<number, Line>()
  #begun = Date.now()
  #answered: Line | undefined
  #away = false

  constructor(trace: Trace, w: Words, user: () => string, tell: Tell) {
    this.#w = w
    this.#user = user
    this.#tell = tell
    trace.subscribe((event) => this.#hear(event))
  }

  /** The server asked WeChat something, as far as is known for the latest request. */
  addWeChat(endpoint: string, count: number, fields: unknown) {
    const text = `${this.#w.happened.server}: ${endpoint}${count > 1 ? ` ×${count}` : ''}`
    this.#tell({ ...this.#line({ id: 0, at: Date.now() }, 'wechat', text), details: [['fields', fields]] }, this.#answered)
  }

  #hear(event: TraceEvent) {
    const { kind, name } = event
    if (kind === 'life') return this.#life(event)
    if (kind === 'call') return this.#call(event)
    if (kind === 'log' && (name === 'error' || name === 'warn')) return this.#log(event)
    if (kind === 'event' && event.of === undefined) return this.#event(event)
    if (kind === 'answer' || (kind === 'event' && event.of !== undefined)) this.#answer(event)
  }

  #life(event: TraceEvent) {
    const { name, detail } = event
    const w = this.#w.happened
    if (name === 'App.onLaunch') {
      this.#begun = event.at
      this.#away = false
      return this.#add(event, 'start', fill(w.opened, { user: this.#user() }), { details: [['launch', detail]] })
    }
    if (name === 'App.onHide' || (name === 'App.onShow' && this.#away)) {
      this.#away = name === 'App.onHide'
      return this.#add(event, 'life', this.#away ? w.background : w.foreground)
    }
    if (name.startsWith('App.')) return undefined
    const query = Object.entries((detail ?? {}) as Record<string, string>).map(([key, value]) => `${key}=${value}`)
    return this.#add(event, 'page', fill(w.page, { path: [name, ...(query.length > 0 ? [query.join('&')] : [])].join('?') }))
  }

  #call(event: TraceEvent) {
    const { name, detail, ok } = event
    if (name === 'request' || name === 'uploadFile' || name === 'downloadFile') return this.#network(event)
    const synchronous = ok !== undefined
    const details: Line['details'] = [[synchronous ? 'call' : 'options', detail]]
    if (name.startsWith('button ')) {
      return this.#add(event, 'person', fill(this.#w.happened.taps, { name: name.slice('button '.length) }), { open: true })
    }
    if (name === 'input nickname review') return this.#add(event, 'wx', this.#w.happened.review, { open: true })
    const open = !synchronous && name !== 'onNeedPrivacyAuthorization'
    this.#add(event, 'wx', `wx.${name}`, { open, small: small.test(name), details, ...(ok === false && { ok }) })
  }

  /** A request: by the name of its operation if it is GraphQL. */
  #network(event: TraceEvent) {
    const options = (event.detail ?? {}) as { url?: string; method?: string; data?: unknown }
    const data = parsed(options.data) as { query?: string; operationName?: string; variables?: unknown } | undefined
    const operation = data?.operationName ?? /\b(?:query|mutation)\s+(\w+)/.exec(data?.query ?? '')?.[1]
    const address = (options.url ?? '').replace(/^https?:\/\/[^/]*/, '')
    const text = operation ? `GraphQL ${operation}` : `wx.${event.name} ${options.method ?? ''} ${address}`.replace(/ {2,}/g, ' ')
    const details: Line['details'] = operation ? [['query', data?.query], ['variables', data?.variables]] : [['options', options]]
    this.#add(event, 'graphql', text, { open: true, details })
  }

  #event(event: TraceEvent) {
    const text = event.name === 'agreeprivacyauthorization' ? this.#w.happened.consent : event.name
    this.#add(event, 'person', text, { ok: event.ok ?? true, details: [['detail', event.detail]] })
  }

  #log(event: TraceEvent) {
    // A failure that has a line already is told there.
    const line = event.of === undefined ? undefined : this.#lines.get(event.of)
    if (line) return this.#settle(line, event, false, String(event.detail))
    const text = typeof event.detail === 'string' ? event.detail : JSON.stringify(event.detail)
    this.#add(event, 'error', text.slice(0, 300), { ok: event.name !== 'error', details: [['detail', event.detail]] })
  }

  #answer(event: TraceEvent) {
    const line = this.#lines.get(event.of!)
    if (!line) return
    this.#lines.delete(event.of!)
    const result = (event.detail ?? {}) as { statusCode?: number; data?: unknown; errMsg?: string; errno?: number; code?: string }
    if (line.kind !== 'graphql') {
      const failed = event.ok === false
      const words = failed ? `${result.errMsg ?? this.#w.happened.failed}${result.errno === undefined ? '' : ` (${result.errno})`}` : result.code ? `code ${result.code}` : ''
      return this.#settle(line, event, !failed, words, result)
    }
    const answer = parsed(result.data) as Errors | undefined
    const codes = answer?.errors?.map((error) => error.extensions?.code ?? error.message ?? '') ?? []
    const ok = event.ok === true && codes.length === 0 && (result.statusCode ?? 200) < 400
    const words = event.ok === false ? (result.errMsg ?? '') : [String(result.statusCode), ...codes].join(' ')
    this.#answered = line
    this.#settle(line, event, ok, words, answer ?? result)
  }

  #settle(line: Line, event: TraceEvent, ok: boolean, outcome: string, answer?: unknown) {
    Object.assign(line, { ok, outcome, open: false, ms: event.at - line.at })
    if (answer !== undefined) line.details.push(['answer', answer])
    this.#tell(line)
  }

  #add(event: TraceEvent, kind: Line['kind'], text: string, more: Partial<Line> = {}) {
    const line: Line = { ...this.#line(event, kind, text), ...more }
    if (line.open) this.#lines.set(event.id, line)
    this.#tell(line)
  }

  #line({ id, at }: Pick<TraceEvent, 'id' | 'at'>, kind: Line['kind'], text: string): Line {
    return { id, kind, text, at, since: at - this.#begun, open: false, outcome: '', small: false, details: [] }
  }
}

function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}
