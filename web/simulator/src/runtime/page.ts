import { type component, glassEasel } from 'glass-easel-miniprogram-adapter'
import type { WindowConfig } from '../bundle'
import { PageBackend } from './backend'
import { EventChannel } from './channel'
import type { Definitions } from './definitions'

export type Query = Record<string, string>

/** What a page may have, as the runtime calls it. */
export interface PageInstance extends component.GeneralComponent {
  route: string
  options: Query
  [name: string]: unknown
}

export interface PageSurface {
  definitions: Definitions
  screen: HTMLElement
  theme(): string
  base: CSSStyleSheet
  /** Runs code of the program and reports what it throws. */
  guard<T>(what: string, run: () => T): T | undefined
}

let pageCount = 0

/** One page on the stack: an instance, its elements, and where it stands in its life. */
export class PageHost {
  readonly path: string
  readonly query: Query
  readonly id = ++pageCount
  readonly element: HTMLElement
  readonly instance: PageInstance
  /** What the bars around the page show; the program may change it. */
  readonly window: WindowConfig
  loadingBar = false
  /** This page's end of the line to the page that opened it. */
  opener: EventChannel
  #ready = false
  #visible = false
  readonly #surface: PageSurface
  readonly #backend: PageBackend
  readonly #root: ReturnType<ReturnType<Definitions['env']['associateBackend']>['createRoot']>
  readonly #waiting: glassEasel.GeneralComponent[] = []

  constructor(surface: PageSurface, path: string, query: Query, window: WindowConfig) {
    this.#surface = surface
    this.path = path
    this.query = query
    this.window = { ...window }
    this.element = document.createElement('div')
    this.element.dataset.page = path
    const shadow = this.element.attachShadow({ mode: 'open' })
    shadow.adoptedStyleSheets = [surface.base]
    const { definitions } = surface
    this.#backend = new PageBackend(shadow, surface.screen, (name) => definitions.sheet(name), surface.theme)
    const backend = definitions.env.associateBackend(this.#backend)
    definitions.space.addStyleSheet('app', 'app')
    const search = Object.entries(query)
      .map(([name, value]) => `${name}=${value}`)
      .join('&')
    this.#root = backend.createRoot('page', definitions.space, search ? `${path}?${search}` : path)
    this.instance = this.#root.get() as PageInstance
    this.instance.route = path
    this.instance.__route__ = path
    this.instance.options = query
    this.opener = new EventChannel(surface.guard)
    this.instance.getOpenerEventChannel = () => this.opener
    this.instance.getPageId = () => `pageId:${this.id}`
  }

  /** Puts the page on the screen for the first time: attached, onLoad, onShow, ready, onReady, as WeChat orders it. */
  load() {
    const { screen } = this.#surface
    screen.append(this.element)
    const place = document.createElement('div')
    this.#backend.root.append(place)
    this.#root.attach(this.#backend.root as never, place as never)
    this.theme()
    this.call('onLoad', this.query)
    this.show()
    this.#ready = true
    for (const waiting of this.#waiting.splice(0).reverse()) this.#tellReady(waiting)
    this.call('onReady')
  }

  /** Takes note of a component on this page that has been attached. */
  attached(component: glassEasel.GeneralComponent) {
    if (!this.#ready) this.#waiting.push(component)
    else queueMicrotask(() => this.#tellReady(component))
  }

  owns(component: glassEasel.GeneralComponent): boolean {
    return component.getBackendContext() === (this.#backend as unknown)
  }

  show() {
    if (this.#visible) return
    this.#visible = true
    this.element.hidden = false
    this.call('onShow')
    this.#tell('show')
  }

  hide() {
    if (!this.#visible) return
    this.#visible = false
    this.call('onHide')
    this.#tell('hide')
  }

  /** Takes the page from the screen for good. */
  unload() {
    this.#visible = false
    this.call('onUnload')
    this.#surface.guard(`${this.path} detached`, () => this.#root.release())
    this.element.remove()
  }

  theme() {
    this.#root.getComponent().$$?.setAttribute('data-theme', this.#surface.theme())
  }

  resize() {
    const size = { windowWidth: this.#surface.screen.clientWidth, windowHeight: this.#surface.screen.clientHeight }
    this.call('onResize', { size })
    this.#root.getComponent().triggerPageLifetime('resize', [{ size }])
  }

  has(method: string): boolean {
    return typeof this.instance[method] === 'function'
  }

  /** Calls a method of the page if there is one. */
  call(method: string, ...args: unknown[]): unknown {
    const f = this.instance[method]
    if (typeof f !== 'function') return undefined
    return this.#surface.guard(`${this.path} ${method}`, () => f.apply(this.instance, args))
  }

  #tell(name: string) {
    this.#surface.guard(`${this.path} ${name}`, () => this.#root.getComponent().triggerPageLifetime(name, []))
  }

  #tellReady(component: glassEasel.GeneralComponent) {
    this.#surface.guard(`${component.is} ready`, () => component.triggerLifetime('ready', []))
  }
}
