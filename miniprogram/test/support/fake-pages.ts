import type { NavigateKind, Page } from '../../src/platform'

export type Query = Record<string, string>

/** A page as `Page({})` is given it. */
export interface PageLiteral {
  onLoad?(query: Query): unknown
  onShow?(): unknown
  onHide?(): unknown
  onUnload?(): unknown
  [name: string]: unknown
}

export type FakePage = PageLiteral & Page & { popups: Record<string, unknown> }

/**
 * The stack of pages of a Mini Program, with its limits: ten pages, no way to a page of the tab bar but `switchTab`,
 * which takes no query. Values of a query reach onLoad as they stood in the address.
 */
export class FakePages {
  readonly stack: FakePage[] = []
  /** Every navigation that was asked for. */
  readonly went: string[] = []

  constructor(
    private readonly literals: Record<string, PageLiteral> = {},
    private readonly tabs: readonly string[] = [],
  ) {}

  get top(): FakePage {
    return this.stack[this.stack.length - 1] as FakePage
  }

  readonly navigate = async (kind: NavigateKind, url: string): Promise<void> => {
    this.went.push(`${kind} ${url}`)
    const [path = '', query = ''] = url.split('?')
    const tab = this.tabs.includes(path)
    if (tab !== (kind === 'switchTab')) throw new Error(`${kind}:fail can not ${kind} ${path}`)
    if (tab && query) throw new Error('switchTab:fail url cannot contain a query')
    if (kind === 'navigateTo') {
      if (this.stack.length >= 10) throw new Error('navigateTo:fail webview count limit exceed')
      this.top?.onHide?.()
    } else if (kind === 'redirectTo') this.pop()
    else while (this.stack.length > 0) this.pop()
    this.push(path, query)
  }

  readonly navigateBack = async (): Promise<void> => {
    this.went.push('navigateBack')
    this.pop()
    // The page below is shown a while after the other one is gone.
    for (let i = 0; i < 20; i++) await Promise.resolve()
    this.top.onShow?.()
  }

  /** Opens a page as a link from outside does, or a person's tap. */
  push(path: string, query = ''): FakePage {
    const options: Query = {}
    for (const pair of query.split('&').filter(Boolean)) {
      const at = pair.indexOf('=')
      options[pair.slice(0, at)] = pair.slice(at + 1)
    }
    const popups: Record<string, unknown> = {}
    const page: FakePage = {
      ...this.literals[path],
      route: path.replace(/^\//, ''),
      options,
      popups,
      selectComponent: (selector) => popups[selector] ?? null,
    }
    this.stack.push(page)
    page.onLoad?.(options)
    page.onShow?.()
    return page
  }

  private pop(): void {
    this.top.onUnload?.()
    this.stack.pop()
  }
}
