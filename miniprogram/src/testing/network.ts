import { MpAuthError } from '../errors'
import type { HttpRequest, HttpResponse, HttpUpload } from '../platform'
import { multipart } from './multipart'

/** What goes wrong with one request: it does not arrive; it is done and its answer is lost; or the answer is too late. */
export type NetworkFault = 'unreachable' | 'lost' | 'late'

/** As much of `fetch` as is used: that of Node, or a function of a test that answers in its place. */
export type FetchLike = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string | ArrayBuffer },
) => Promise<FetchAnswer>

export interface FetchAnswer {
  status: number
  /** A `Map` will do. */
  headers: { forEach(each: (value: string, name: string) => void): void }
  text(): Promise<string>
}

type Delay = (ms: number, then: () => void) => () => void

export interface NetworkOptions {
  fetch: FetchLike
  readFile: ((path: string) => Uint8Array | Promise<Uint8Array>) | undefined
  delay: Delay
}

const failed = (message: string, more: { cause?: unknown; data?: Record<string, unknown> } = {}) =>
  new MpAuthError('NETWORK', message, { retryable: true, ...more })
const late = (ms: number | undefined) => new MpAuthError('TIMEOUT', `no answer in ${ms ?? '?'} ms`, { retryable: true })

/** The way to servers, and what a test does to it. */
export class Network {
  latencyMs = 0
  fault: ((request: HttpRequest | HttpUpload, count: number) => NetworkFault | undefined) | undefined
  private down: MpAuthError | null = null
  private count = 0
  private readonly inFlight = new Set<(error: MpAuthError) => void>()

  constructor(private readonly options: NetworkOptions) {}

  /** Why nothing gets through; null while it does. What is on its way fails with it. */
  set state(state: 'offline' | 'background' | null) {
    this.down =
      state &&
      (state === 'offline'
        ? failed('offline')
        : failed('interrupted in the background', { data: { interrupted: true } }))
    const { down } = this
    if (down) for (const fail of [...this.inFlight]) fail(down)
  }

  /** Throws while nothing gets through. */
  check(): void {
    if (this.down) throw this.down
  }

  request<T>(request: HttpRequest): Promise<HttpResponse<T>> {
    const { method = 'GET', header, data, timeout } = request
    const headers = { ...header }
    const asQuery = method === 'GET' || method === 'HEAD'
    const url = asQuery ? withQuery(request.url, data) : request.url
    const body = asQuery || data === undefined ? undefined : typeof data === 'string' ? data : JSON.stringify(data)
    if (!Object.keys(headers).some((name) => name.toLowerCase() === 'content-type'))
      headers['content-type'] = 'application/json'
    return this.send(request, timeout, async () => {
      const answer = await this.fetch(url, { method, headers, ...(body !== undefined && { body }) })
      return { ...answer, data: parsed(answer.data) as T }
    })
  }

  upload(upload: HttpUpload): Promise<HttpResponse<string>> {
    const { url, filePath, name, formData = {}, header } = upload
    return this.send(upload, upload.timeout, async () => {
      const read = this.options.readFile as NonNullable<NetworkOptions['readFile']>
      const content = await read(filePath)
      const { contentType, body } = multipart(formData, { name, path: filePath, content })
      return this.fetch(url, { method: 'POST', headers: { ...header, 'content-type': contentType }, body })
    })
  }

  private send<T>(
    request: HttpRequest | HttpUpload,
    timeout: number | undefined,
    run: () => Promise<HttpResponse<T>>,
  ): Promise<HttpResponse<T>> {
    const fault = this.fault?.(request, ++this.count)
    return new Promise((resolve, reject) => {
      const ending: (() => void)[] = []
      const settle = (then: () => void) => {
        this.inFlight.delete(fail)
        for (const end of ending.splice(0)) end()
        then()
      }
      const fail = (error: unknown) => settle(() => reject(error))
      this.inFlight.add(fail)
      if (this.down) return fail(this.down)
      if (fault === 'unreachable') return fail(failed('unreachable'))
      if (timeout !== undefined) ending.push(this.options.delay(timeout, () => fail(late(timeout))))
      const go = () => {
        run().then((answer) => {
          if (fault === 'lost') return fail(failed('the answer was lost'))
          if (fault === 'late') return fail(late(timeout))
          settle(() => resolve(answer))
        }, fail)
      }
      if (this.latencyMs > 0) ending.push(this.options.delay(this.latencyMs, go))
      else go()
    })
  }

  private async fetch(url: string, init: Parameters<FetchLike>[1]): Promise<HttpResponse<string>> {
    try {
      const answer = await this.options.fetch(url, init)
      const header: Record<string, string> = {}
      answer.headers.forEach((value, name) => {
        header[name.toLowerCase()] = value
      })
      return { statusCode: answer.status, header, data: await answer.text() }
    } catch (cause) {
      throw failed('no answer', { cause })
    }
  }
}

function withQuery(url: string, data: unknown): string {
  if (typeof data !== 'object' || data === null) return url
  const pairs = Object.entries(data).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  return pairs.length === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}${pairs.join('&')}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
