import type { NavigateKind, Page } from '../platform'

/** WeChat keeps this many pages, and refuses to open another one on top. */
const most = 10

/** What opening a page does to the stack, in WeChat's way. Throws, in its words, for one page too many. */
export function opened(stack: readonly Page[], kind: NavigateKind, url: string): Page[] {
  const page = pageOf(url)
  if (kind === 'switchTab' || kind === 'reLaunch') return [page]
  if (kind === 'redirectTo') return [...stack.slice(0, -1), page]
  if (stack.length >= most) throw new Error(`navigateTo:fail webview count limit exceed`)
  return [...stack, page]
}

/** Values are left as they stand in the address, as WeChat leaves them. */
function pageOf(url: string): Page {
  const [path = '', query = ''] = url.split('?')
  const options: Record<string, string> = {}
  for (const pair of query.split('&').filter(Boolean)) {
    const at = pair.indexOf('=')
    options[at < 0 ? pair : pair.slice(0, at)] = at < 0 ? '' : pair.slice(at + 1)
  }
  return { route: path.replace(/^\//, ''), options }
}
