/** Puts a path behind a base, with one slash between them. An address with a scheme stays as it is. */
export function join(base: string | undefined, url: string): string {
  if (!base || /^[a-z][a-z\d+.-]*:\/\//i.test(url)) return url
  const from = base.replace(/\/+$/, '')
  return url && !/^[?#]/.test(url) ? `${from}/${url.replace(/^\/+/, '')}` : from + url
}

/**
 * Where an address leads, as far as it is written the same: platforms differ on what a backslash or a name before an
 * `@` means, and a token must not depend on it.
 */
const originOf = (url: string) => {
  const [origin = ''] = /^https?:\/\/[^/?#]+/.exec(url.toLowerCase()) || []
  return origin.replace(/^(https:.*):443$/, '$1')
}

/** Whether an address leads to where the base leads. */
export const sameOrigin = (url: string, base: string): boolean => {
  const origin = originOf(url)
  return !!origin && origin === originOf(base)
}

/** Headers in one, their names in lower case: of two with one name the later stays, so that no token is sent twice. */
export function mergeHeaders(...all: (Record<string, string> | undefined)[]): Record<string, string> {
  const merged: Record<string, string> = {}
  for (const header of all) for (const name in header) merged[name.toLowerCase()] = header[name] as string
  return merged
}
