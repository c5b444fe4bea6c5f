import type { AppConfig } from '../bundle'
import type { EventChannel } from './channel'
import type { PageHost, Query } from './page'
import { posix } from './paths'

/** The most pages that WeChat stacks. */
const maxPages = 10

export interface Address {
  path: string
  query: Query
}

/** A navigation that is not possible; the message is what WeChat says after `fail `. */
export class NavigationError extends Error {}

/** Splits an address as a program writes it. Values stay encoded as they were written, as in WeChat. */
export function parseAddress(url: string, from: string): Address {
  const [path = '', search = ''] = url.split('#')[0]!.split(/\?(.*)/s)
  const query = Object.fromEntries(
    search
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => [pair.split('=')[0]!, pair.includes('=') ? pair.slice(pair.indexOf('=') + 1) : '']),
  )
  return { path: path.startsWith('/') ? path.slice(1) : posix(`${from.replace(/[^/]*$/, '')}${path}`), query }
}

/** The stack of pages, and the pages of tabs, which stay alive beside it. */
export class Navigation {
  /** The page on the screen is the last one. */
  readonly stack: PageHost[] = []
  readonly #tabs = new Map<string, PageHost>()
  readonly #app: AppConfig
  readonly #open: (path: string, query: Query) => PageHost
  readonly #changed: () => void

  /** `open` makes a page without showing it, `changed` hears when another one is on the screen. */
  constructor(app: AppConfig, open: (path: string, query: Query) => PageHost, changed: () => void) {
    this.#app = app
    this.#open = open
    this.#changed = changed
  }

  get top(): PageHost | undefined {
    return this.stack.at(-1)
  }

  /** Every page that is alive. */
  get pages(): PageHost[] {
    return [...new Set([...this.stack, ...this.#tabs.values()])]
  }

  isTab(path: string): boolean {
    return this.#app.tabBar?.list.some((tab) => tab.pagePath === path) ?? false
  }

  parse(url: unknown): Address {
    if (typeof url !== 'string') {
      const kind = url === undefined ? 'Undefined' : url === null ? 'Null' : typeof url
      throw new NavigationError(`parameter error: parameter.url should be String instead of ${kind};`)
    }
    const address = parseAddress(url, this.top?.path ?? '')
    if (!this.#app.pages.includes(address.path)) throw new NavigationError(`page "${address.path}" is not found`)
    return address
  }

  /** `opener` is the new page's end of the line to the one that opens it. */
  navigateTo(url: unknown, opener?: EventChannel): PageHost {
    const { path, query } = this.parse(url)
    if (this.isTab(path)) throw new NavigationError('can not navigateTo a tabbar page')
    if (this.stack.length >= maxPages) throw new NavigationError('webview count limit exceed')
    const below = this.top
    const page = this.#open(path, query)
    if (opener) page.opener = opener
    this.#leave(below)
    this.stack.push(page)
    return this.#enter(page)
  }

  redirectTo(url: unknown): PageHost {
    const { path, query } = this.parse(url)
    if (this.isTab(path)) throw new NavigationError('can not redirectTo a tabbar page')
    const page = this.#open(path, query)
    const old = this.stack.pop()
    this.stack.push(page)
    if (old) this.#drop(old)
    return this.#enter(page)
  }

  reLaunch(url: unknown): PageHost {
    const { path, query } = this.parse(url)
    const page = this.#open(path, query)
    const old = this.pages.reverse()
    this.stack.splice(0)
    this.#tabs.clear()
    for (const gone of old) gone.unload()
    this.stack.push(page)
    if (this.isTab(path)) this.#tabs.set(path, page)
    return this.#enter(page)
  }

  switchTab(url: unknown): PageHost {
    const { path } = this.parse(url)
    if (!this.isTab(path)) throw new NavigationError('can not switch to no-tabBar page')
    const before = this.top
    const known = this.#tabs.get(path)
    if (known && known === before) return known
    const page = known ?? this.#open(path, {})
    this.#tabs.set(path, page)
    if (before && this.#tabs.get(before.path) === before) this.#leave(before)
    for (const gone of this.stack.splice(0).reverse()) {
      if (this.#tabs.get(gone.path) !== gone) gone.unload()
    }
    this.stack.push(page)
    if (!known) return this.#enter(page)
    page.element.hidden = false
    this.#changed()
    page.show()
    return page
  }

  navigateBack(delta: unknown): void {
    if (this.stack.length < 2) throw new NavigationError('cannot navigate back at first page.')
    const wanted = typeof delta === 'number' && delta >= 1 ? Math.floor(delta) : 1
    const gone = this.stack.splice(Math.max(1, this.stack.length - wanted)).reverse()
    for (const page of gone) this.#drop(page)
    this.top!.element.hidden = false
    this.#changed()
    this.top!.show()
  }

  /** Ends all pages. */
  clear() {
    for (const page of this.pages.reverse()) page.unload()
    this.stack.splice(0)
    this.#tabs.clear()
  }

  #enter(page: PageHost): PageHost {
    this.#changed()
    page.load()
    return page
  }

  #leave(page: PageHost | undefined) {
    if (!page) return
    page.hide()
    page.element.hidden = true
  }

  #drop(page: PageHost) {
    if (this.#tabs.get(page.path) === page) this.#tabs.delete(page.path)
    page.unload()
  }
}
