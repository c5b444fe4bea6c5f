import type { Page, Platform } from '../platform'
import type { Session } from '../session/types'
import type { AuthFact } from '../step'

/** How many pages WeChat keeps on the stack; `navigateTo` fails beyond. */
export const maxPages = 10

/** The page on the screen; undefined before there is one. */
export function topPage(platform: Platform): Page | undefined {
  return platform.pages().slice(-1)[0]
}

/**
 * The whole address of a page, query included. `query` is what onLoad was given; the page's own `options` when absent.
 * WeChat hands values over as they stood in the address, so they go back as they are; only what would end a
 * value is encoded.
 */
export function urlOf({ route, options }: Partial<Page> = {}, query = options): string {
  if (!route) return ''
  const pairs = Object.entries(query || {}).map(
    ([key, value = '']) => `${key}=${value.replace(/[&#]/g, encodeURIComponent)}`,
  )
  return `/${[pathOf(route), pairs.join('&')].filter(Boolean).join('?')}`
}

/** An address without its query and its leading slash: what a page calls its `route`. */
export function pathOf(url: string): string {
  return (url.split('?')[0] as string).replace(/^\//, '')
}

/** The address of the auth page that asks for these facts and then goes back. */
export function authPageUrl(page: string, need: readonly AuthFact[], backTo: string, session = 'default'): string {
  const query = [`need=${need.join(',')}`]
  if (backTo) query.push(`backTo=${encodeURIComponent(backTo)}`)
  if (session !== 'default') query.push(`session=${encodeURIComponent(session)}`)
  return `/${page.replace(/^\//, '')}${page.includes('?') ? '&' : '?'}${query.join('&')}`
}

/** The facts that an auth page was asked for: its query's `need`, without words that are none. */
export function needOf(need: string | undefined): AuthFact[] {
  return decoded(need)
    .split(',')
    .filter((fact): fact is AuthFact => fact === 'PROFILE' || fact === 'PHONE')
}

/**
 * Leaves the auth page for where the person was. Back, when the page below is the one that asked, or nothing says
 * which did; else to `backTo`, the query's own value. A page of the tab bar takes no query: it is shown as it is.
 * Without a way to go the page stays. Rejects with the platform's own words when it cannot go there.
 */
export async function leaveAuthPage(session: Pick<Session, 'platform' | 'tabPages'>, backTo?: string): Promise<void> {
  const { platform, tabPages } = session
  const url = decoded(backTo)
  const below = platform.pages().slice(-2, -1)[0]
  if (below && (!url || urlOf(below) === url)) return platform.navigateBack()
  if (!url.startsWith('/')) return
  const path = pathOf(url)
  const toTab = () => platform.navigate('switchTab', `/${path}`)
  if (tabPages.some((page) => pathOf(page) === path)) return toTab()
  // A page of the tab bar that was not listed refuses redirectTo; its words are worth more than the second refusal's.
  return platform.navigate('redirectTo', url).catch((error) => toTab().catch(() => Promise.reject(error)))
}

/** A value of a query, whether or not the platform has decoded it: neither a fact nor an address begins with `%`. */
function decoded(value = ''): string {
  if (!/^%2F/i.test(value) && !/^\w+%2C/i.test(value)) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return ''
  }
}
