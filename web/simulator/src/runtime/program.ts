import { glassEasel } from 'glass-easel-miniprogram-adapter'
import type { Bundle, WindowConfig } from '../bundle'
import { defineBuiltIns } from '../components'
import baseStyle from '../components/base.css?inline'
import type { Device, Surroundings } from '../surroundings'
import type { Trace } from '../trace'
import { createWx } from '../wx'
import { TemporaryFiles } from '../wx/files'
import { Privacy } from '../wx/privacy'
import type { Context, Host, Launch, TabMark } from './context'
import { Definitions } from './definitions'
import { Loader } from './loader'
import { type Address, Navigation } from './navigation'
import { PageHost } from './page'
import { Timers } from './timers'

type AppInstance = Record<string, unknown>

/** The time until WeChat suspends a program in the background. */
const suspendAfterMs = 5000

/** One life of a Mini Program, from its cold start until it is killed. */
export class Program implements Context {
  readonly bundle: Bundle
  readonly phone: Host
  readonly timers = new Timers((run) => this.guard('timer', run))
  readonly definitions: Definitions
  readonly navigation: Navigation
  readonly wx: Record<string, unknown>
  readonly tabMarks = new Map<string, TabMark>()
  readonly files: TemporaryFiles
  readonly privacy: Privacy
  readonly launch: Launch
  entered: Launch
  foreground = false
  suspended = false
  ended = false
  #app: AppInstance | undefined
  #opening: PageHost | undefined
  #suspension: ReturnType<typeof setTimeout> | undefined
  readonly #base = new CSSStyleSheet()
  readonly #loader: Loader
  readonly #appListeners = new Map<string, Set<(value: unknown) => void>>()

  constructor(phone: Host, launch: Launch) {
    this.phone = phone
    this.bundle = phone.bundle
    this.launch = this.entered = launch
    this.#base.replaceSync(baseStyle)
    this.files = new TemporaryFiles(phone.device.platform)
    this.privacy = new Privacy(this)
    this.wx = createWx(this, this.privacy)
    this.definitions = new Definitions(
      this.bundle,
      (space) => defineBuiltIns(space, this),
      (component) => this.#attached(component),
    )
    this.navigation = new Navigation(
      this.bundle.app,
      (path, query) => this.#open(path, query),
      () => phone.refreshChrome(),
    )
    const { Page, Component, Behavior } = this.definitions
    const { setTimeout, setInterval, clear } = this.timers
    this.#loader = new Loader(this.bundle, {
      wx: this.wx,
      App: (definition: AppInstance) => this.#register(definition),
      Page,
      Component,
      Behavior,
      getApp: () => this.#app,
      getCurrentPages: () => this.navigation.stack.map((page) => page.instance),
      console: this.#console(),
      setTimeout,
      setInterval,
      clearTimeout: clear,
      clearInterval: clear,
      global: {},
    })
    glassEasel.addGlobalErrorListener(this.#thrown)
    addEventListener('unhandledrejection', this.#rejected)
  }

  get trace(): Trace {
    return this.phone.trace
  }

  get device(): Device {
    return this.phone.device
  }

  get surroundings(): Surroundings {
    return this.phone.surroundings
  }

  /** The cold start: runs the files, then onLaunch and onShow, and opens the first page without waiting for either. */
  start() {
    this.guard('app.js', () => this.#loader.require('app'))
    this.#app ??= {}
    for (const path of Object.keys(this.bundle.units)) {
      this.guard(`${path}.js`, () => this.definitions.define(path, () => this.#loader.require(path)))
    }
    this.foreground = true
    const { path, query, scene, referrerInfo } = this.launch
    this.#life('onLaunch', { path, query, scene, referrerInfo })
    this.#life('onShow', { path, query, scene, referrerInfo })
    if (!this.bundle.app.pages.includes(path)) {
      this.#life('onPageNotFound', { path, query, isEntryPage: true })
      if (this.navigation.stack.length > 0) return
      this.navigation.reLaunch(`/${this.bundle.app.pages[0]}`)
      return
    }
    const search = Object.entries(query)
      .map(([name, value]) => `${name}=${value}`)
      .join('&')
    this.navigation.reLaunch(`/${path}${search && `?${search}`}`)
  }

  toBackground() {
    if (!this.foreground) return
    this.foreground = false
    this.navigation.top?.hide()
    this.#life('onHide', {})
    this.emit('appHide', {})
    this.#suspension = setTimeout(() => {
      this.suspended = true
      this.emit('suspend', {})
      this.timers.suspend()
    }, suspendAfterMs)
  }

  toForeground(launch: Launch = this.entered) {
    if (this.foreground) return
    clearTimeout(this.#suspension)
    this.entered = launch
    this.foreground = true
    this.suspended = false
    this.timers.resume()
    const { path, query, scene, referrerInfo } = launch
    this.#life('onShow', { path, query, scene, referrerInfo })
    this.emit('appShow', { path, query, scene, referrerInfo })
    this.navigation.top?.show()
  }

  /** WeChat kills the program. */
  end() {
    if (this.ended) return
    clearTimeout(this.#suspension)
    this.emit('suspend', {})
    this.ended = true
    this.timers.end()
    glassEasel.removeGlobalErrorListener(this.#thrown)
    removeEventListener('unhandledrejection', this.#rejected)
    for (const page of this.navigation.pages) page.element.remove()
  }

  on(name: string, listener: (value: never) => void) {
    const listeners = this.#appListeners.get(name) ?? new Set()
    this.#appListeners.set(name, listeners.add(listener as (value: unknown) => void))
  }

  off(name: string, listener?: (value: never) => void) {
    if (listener) this.#appListeners.get(name)?.delete(listener as (value: unknown) => void)
    else this.#appListeners.delete(name)
  }

  emit(name: string, value: unknown) {
    for (const listener of [...(this.#appListeners.get(name) ?? [])]) this.guard(name, () => listener(value))
  }

  guard<T>(what: string, run: () => T): T | undefined {
    if (this.ended) return undefined
    try {
      const result = run()
      if (result instanceof Promise) result.catch((error: unknown) => this.fail(what, error))
      return result
    } catch (error) {
      this.fail(what, error)
      return undefined
    }
  }

  fail(what: string, error: unknown) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    this.trace.add('log', 'error', { ok: false, detail: `${what}: ${text}` })
    console.error(`${what}:`, error)
    const heard = this.#app?.onError
    if (typeof heard === 'function' && what !== 'app onError') {
      this.guard('app onError', () => heard.call(this.#app, error instanceof Error ? (error.stack ?? text) : text))
    }
    this.emit('error', { message: text })
  }

  themeChanged() {
    for (const page of this.navigation.pages) page.theme()
    const theme = this.device.theme
    this.#life('onThemeChange', { theme })
    this.emit('themeChange', { theme })
  }

  /** What a listener or a life cycle of a component threw, which the framework has caught. */
  readonly #thrown: Parameters<typeof glassEasel.addGlobalErrorListener>[0] = (error, method, component) => {
    const path = typeof component === 'string' ? component : component?.is
    this.fail([path, method].filter(Boolean).join(' '), error)
    return false
  }

  readonly #rejected = ({ reason, promise }: PromiseRejectionEvent) => {
    this.trace.add('log', 'error', {
      ok: false,
      detail: ['unhandled rejection', reason instanceof Error ? String(reason) : reason],
    })
    this.#life('onUnhandledRejection', { reason, promise })
    this.emit('unhandledRejection', { reason, promise })
  }

  #register(definition: AppInstance) {
    this.#app = Object.assign(this.#app ?? {}, definition)
  }

  #life(name: string, detail: unknown) {
    this.trace.add('life', `App.${name}`, { detail })
    const f = this.#app?.[name]
    if (typeof f === 'function') this.guard(`app ${name}`, () => f.call(this.#app, detail))
  }

  #open(path: string, query: Address['query']): PageHost {
    this.trace.add('life', path, { detail: query })
    const unit = this.bundle.units[path]
    const window: WindowConfig = { ...this.bundle.app.window, ...unit }
    const surface = {
      definitions: this.definitions,
      screen: this.phone.screen,
      theme: () => this.device.theme,
      base: this.#base,
      guard: <T>(what: string, run: () => T) => this.guard(what, run),
    }
    this.#opening = new PageHost(surface, path, query, window)
    return this.#opening
  }

  #attached(component: glassEasel.GeneralComponent) {
    const pages = this.#opening ? [this.#opening, ...this.navigation.pages] : this.navigation.pages
    pages.find((page) => page.owns(component))?.attached(component)
  }

  #console() {
    const write =
      (level: 'log' | 'info' | 'warn' | 'error' | 'debug') =>
      (...values: unknown[]) => {
        this.trace.add('log', level, { ok: level !== 'error', detail: values.length === 1 ? values[0] : values })
        console[level](...values)
      }
    const [log, info, warn, error, debug] = (['log', 'info', 'warn', 'error', 'debug'] as const).map(write)
    const nothing = () => {}
    return {
      log,
      info,
      warn,
      error,
      debug,
      group: log,
      groupEnd: nothing,
      time: nothing,
      timeEnd: nothing,
      trace: debug,
      table: log,
    }
  }
}
