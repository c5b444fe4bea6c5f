const scheme = /^[a-z][a-z\d+.-]*:\/\//i

/** Puts a path behind a base, with one slash between them. An address with a scheme stays as it is. */
export function join(base: string | undefined, url: string): string {
  if (!base || scheme.test(url)) return url
  const from = base.replace(/\/+$/, '')
  return url && !/^[?#]/.test(url) ? `${from}/${url.replace(/^\/+/, '')}` : from + url
}

/**
 * Where an address leads: scheme, host and port; null where that is not beyond doubt. Platforms differ on what a
 * backslash, a name before an `@` or a control character means, and a token must not depend on it.
 */
function originOf(url: string): string | null {
  const found = /^(https?:\/\/)([^/?#]+)/i.exec(url)
  if (!found || !/^[\w.:[\]-]+$/.test(found[2] as string)) return null
  const origin = found[0].toLowerCase()
  return origin.replace(origin[4] === 's' ? /:443$/ : /:80$/, '')
}

/** Whether an address leads to where the base leads. */
export const sameOrigin = (url: string, base: string): boolean =>
  originOf(url) !== null && originOf(url) === originOf(base)

/** Headers in one, names compared without case: of two the later stays, so that a token is never sent twice. */
export function mergeHeaders(...all: (Record<string, string> | undefined)[]): Record<string, string> {
  const merged: Record<string, string> = {}
  for (const header of all) {
    for (const name of Object.keys(header ?? {})) {
      const twin = Object.keys(merged).find((other) => other.toLowerCase() === name.toLowerCase())
      if (twin) delete merged[twin]
      merged[name] = (header as Record<string, string>)[name] as string
    }
  }
  return merged
}
