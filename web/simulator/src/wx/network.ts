import type { Context } from '../runtime/context'
import { failure, type Options, WxError } from './api'

/** As many requests, uploads and downloads together are under way at a time; others wait. */
const slots = 10
const defaultTimeoutMs = 60_000
const methods = new Set(['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT'])

/** Answers in full: what `success` gets besides errMsg. */
type Send = (signal: AbortSignal, task: Task) => Promise<object>

/** What the program holds of a request that is under way. */
class Task {
  readonly #listeners = new Map<string, Set<(value: object) => void>>()
  readonly abort: () => void

  constructor(abort: () => void) {
    this.abort = abort
    for (const name of ['HeadersReceived', 'ChunkReceived', 'ProgressUpdate']) {
      Object.assign(this, {
        [`on${name}`]: (listener: (value: object) => void) => {
          this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener))
        },
        [`off${name}`]: (listener?: (value: object) => void) => {
          if (listener) this.#listeners.get(name)?.delete(listener)
          else this.#listeners.delete(name)
        },
      })
    }
  }

  static tell(task: Task, name: string, value: object) {
    for (const listener of task.#listeners.get(name) ?? []) listener(value)
  }
}

/** The network of a program: ten slots, and nothing while the program is suspended. */
export class Network {
  readonly #program: Context
  readonly #waiting: (() => void)[] = []
  readonly #running = new Set<(error: WxError) => void>()
  #busy = 0

  constructor(program: Context) {
    this.#program = program
    program.on('suspend', () => this.#fail(interrupted()))
    program.on('offline', () => this.#fail(offline(program)))
  }

  /** Runs a request in a slot and tells the callbacks. Never gives a promise. */
  run(api: 'request' | 'uploadFile' | 'downloadFile', options: Options, send: Send): Task {
    const program = this.#program
    const { success, fail, complete, ...detail } = options
    const call = program.trace.add('call', api, { detail })
    const controller = new AbortController()
    let stop: (error: WxError) => void = () => {}
    const stopped = new Promise<never>((_, reject) => {
      stop = (error) => {
        reject(error)
        controller.abort()
      }
    })
    stopped.catch(() => {})
    const task = new Task(() => stop(new WxError('abort')))
    this.#running.add(stop)
    const sent = this.#slot(stopped, () => {
      const limit = timeoutOf(program, api, options)
      const timer = setTimeout(() => stop(new WxError('timeout', 5)), limit)
      return Promise.race([send(controller.signal, task), stopped]).finally(() => clearTimeout(timer))
    })
    void sent
      .then(
        (result) => ({ ok: true, result: { ...result, errMsg: `${api}:ok` } }),
        (error: unknown) => ({ ok: false, result: failure(api, wordsOf(program, error)) }),
      )
      .then(({ ok, result }) => {
        this.#running.delete(stop)
        program.timers.deliver(() => {
          program.trace.add('answer', api, { of: call, ok, detail: result })
          program.guard(`${api} ${ok ? 'success' : 'fail'}`, () => (ok ? success?.(result) : fail?.(result)))
          program.guard(`${api} complete`, () => complete?.(result))
        })
      })
    return task
  }

  async #slot<T>(stopped: Promise<never>, run: () => Promise<T>): Promise<T> {
    if (this.#program.suspended) throw interrupted()
    if (this.#busy >= slots) await this.#turn(stopped)
    else this.#busy++
    try {
      if (this.#program.suspended) throw interrupted()
      if (this.#program.device.networkType === 'none') throw offline(this.#program)
      return await run()
    } finally {
      this.#leave()
    }
  }

  /** Waits until another request leaves its slot to this one. A slot left to who has given up would be lost. */
  async #turn(stopped: Promise<never>): Promise<void> {
    let given = false
    let mine = () => {}
    const turn = new Promise<void>((resolve) => {
      mine = () => {
        given = true
        resolve()
      }
    })
    this.#waiting.push(mine)
    try {
      await Promise.race([turn, stopped])
    } catch (error) {
      if (given) this.#leave()
      else this.#waiting.splice(this.#waiting.indexOf(mine), 1)
      throw error
    }
  }

  #leave() {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#busy--
  }

  #fail(error: WxError) {
    for (const stop of [...this.#running]) stop(error)
  }
}

export function networkApis(program: Context): Record<string, unknown> {
  const network = new Network(program)
  return {
    request: (options: Options = {}) =>
      network.run('request', options, (signal, task) => request(program, options, signal, task)),
    uploadFile: (options: Options = {}) =>
      network.run('uploadFile', options, (signal, task) => upload(program, options, signal, task)),
    downloadFile: (options: Options = {}) =>
      network.run('downloadFile', options, (signal) => download(program, options, signal)),
  }
}

async function request(program: Context, options: Options, signal: AbortSignal, task: Task): Promise<object> {
  const method = String(options.method ?? 'GET').toUpperCase()
  if (!methods.has(method)) throw new WxError(`method is invalid: ${method}`)
  const headers = headersOf(options.header)
  headers['content-type'] ??= 'application/json'
  const { url, body } = payload(urlOf(options), method, options.data, headers['content-type'])
  const init: RequestInit = { method, headers, signal, ...(body !== undefined && { body }) }
  const { response, header, cookies } = await exchange(program, url, init, options.data)
  program.guard('request onHeadersReceived', () =>
    Task.tell(task, 'HeadersReceived', { header, statusCode: response.status, cookies }),
  )
  const data = await dataOf(response, options)
  return { data, statusCode: response.status, header, cookies }
}

async function upload(program: Context, options: Options, signal: AbortSignal, task: Task): Promise<object> {
  const url = urlOf(options)
  const file = program.files.get(String(options.filePath))
  if (!file) throw new WxError('file not found')
  if (typeof options.name !== 'string')
    throw new WxError('parameter error: parameter.name should be String instead of Undefined;')
  const form = new FormData()
  for (const [name, value] of Object.entries((options.formData ?? {}) as Record<string, unknown>))
    form.append(name, String(value))
  form.append(options.name, file, String(options.filePath).split('/').pop())
  const headers = headersOf(options.header)
  delete headers['content-type'] // it carries the boundary
  const { response, header, cookies } = await exchange(
    program,
    url,
    { method: 'POST', headers, body: form, signal },
    options.formData,
  )
  const progress = { progress: 100, totalBytesSent: file.size, totalBytesExpectedToSend: file.size }
  program.guard('uploadFile onProgressUpdate', () => Task.tell(task, 'ProgressUpdate', progress))
  return { data: await response.text(), statusCode: response.status, header, cookies }
}

async function download(program: Context, options: Options, signal: AbortSignal): Promise<object> {
  const { response, header } = await exchange(
    program,
    urlOf(options),
    { headers: headersOf(options.header), signal },
    undefined,
  )
  return { tempFilePath: program.files.add(await response.blob()), statusCode: response.status, header }
}

/** The exchange itself, with what the trace shows of it. */
async function exchange(program: Context, url: string, init: RequestInit, shown: unknown) {
  const address = program.phone.resolveUrl(url)
  const id = program.trace.add('request', `${init.method ?? 'GET'} ${address}`, {
    detail: { header: init.headers, data: shown },
  })
  try {
    if (program.device.latency > 0) await new Promise((resolve) => setTimeout(resolve, program.device.latency))
    const response = await program.phone.wire(address, {
      ...init,
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    })
    const header = headerOf(response, program)
    const copy = /json|text/.test(response.headers.get('content-type') ?? '')
      ? await response.clone().text()
      : undefined
    program.trace.add('response', String(response.status), { of: id, ok: response.ok, detail: copy })
    const cookies = response.headers.getSetCookie()
    return { response, header, cookies }
  } catch (error) {
    program.trace.add('response', 'no answer', { of: id, ok: false })
    throw error
  }
}

function urlOf(options: Options): string {
  if (typeof options.url !== 'string' || options.url === '') {
    throw new WxError('parameter error: parameter.url should be String instead of Undefined;')
  }
  if (!/^https?:\/\//i.test(options.url)) throw new WxError('invalid url', 600009)
  return options.url
}

function headersOf(header: unknown): Record<string, string> {
  const entries = Object.entries((header ?? {}) as Record<string, unknown>)
  // The referer is WeChat's to set.
  return Object.fromEntries(
    entries.map(([name, value]) => [name.toLowerCase(), String(value)]).filter(([name]) => name !== 'referer'),
  )
}

function payload(url: string, method: string, data: unknown, type: string): { url: string; body?: BodyInit } {
  if (data === undefined || data === null) return { url }
  if (method === 'GET' || method === 'HEAD') {
    const query = typeof data === 'string' ? data : queryOf(data as object)
    return { url: query ? `${url}${url.includes('?') ? '&' : '?'}${query}` : url }
  }
  if (typeof data === 'string' || data instanceof ArrayBuffer) return { url, body: data }
  return {
    url,
    body: type.includes('application/x-www-form-urlencoded') ? queryOf(data as object) : JSON.stringify(data),
  }
}

function queryOf(data: object): string {
  const text = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value))
  return Object.entries(data)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(text(value))}`)
    .join('&')
}

async function dataOf(response: Response, options: Options): Promise<unknown> {
  if (options.responseType === 'arraybuffer') return response.arrayBuffer()
  const text = await response.text()
  if ((options.dataType ?? 'json') !== 'json') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The names of headers differ in their case from platform to platform. */
function headerOf(response: Response, program: Context): Record<string, string> {
  const cased = (name: string) =>
    program.device.platform === 'ios' ? name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()) : name
  return Object.fromEntries([...response.headers].map(([name, value]) => [cased(name), value]))
}

function timeoutOf(program: Context, api: 'request' | 'uploadFile' | 'downloadFile', options: Options): number {
  if (typeof options.timeout === 'number' && options.timeout > 0) return options.timeout
  return program.bundle.app.networkTimeout?.[api] ?? defaultTimeoutMs
}

function interrupted(): WxError {
  return new WxError('interrupted', 600003)
}

function offline(program: Context): WxError {
  const words = {
    ios: '似乎已断开与互联网的连接。',
    android: 'errcode:-106 cronet_error_code:-106 error_msg:net::ERR_INTERNET_DISCONNECTED',
    devtools: 'net::ERR_INTERNET_DISCONNECTED',
  }
  return new WxError(words[program.device.platform], 600001)
}

/** What a platform says where the browser only says that it could not. */
function wordsOf(program: Context, error: unknown): unknown {
  if (error instanceof WxError) return error
  const words = {
    ios: '未能连接到服务器。',
    android: 'errcode:-102 cronet_error_code:-102 error_msg:net::ERR_CONNECTION_REFUSED',
    devtools: 'net::ERR_CONNECTION_REFUSED',
  }
  return error instanceof TypeError ? new WxError(words[program.device.platform], 600001) : error
}
