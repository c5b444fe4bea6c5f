const hidden = '[redacted]'

/** Names whose values are secret, as they end, in lower case and without separators. */
const secretName =
  /(token|secret|password|sessionkey|authorization|cookie|encrypteddata|rawdata|signature|phone|phonenumber|mobile|openid|unionid|cloudid|nonce|ticket)$|^(iv|number|(js|login|phone|anonymous|wx)?code)$/

/** The same in a text, with the value behind it: `token=…`, `"code":"…"`, `iv: …`. */
const secretPair =
  /(^|[^a-z])([a-z_-]{0,32}(?:token|secret|password|session_?key|authorization|cookie|encrypted_?data|raw_?data|signature|phone|phone_?number|mobile|openid|unionid|cloudid|nonce|ticket)|iv|number|(?:js_?|login_?|phone_?|anonymous_?|wx_?)?code)(\\*["']?\s*[:=]\s*)(\\+".*?\\+"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"',;&}\])]+)/gi

/** Codes of errors, which say what went wrong and no more. */
const errorCode = /^["']?([A-Z]+(_[A-Z]+)*|-?\d{1,7})["']?$/

/** A name that is a property of an object. */
function isSecretName(name: string): boolean {
  return secretName.test(name.replace(/[-_]/g, '').toLowerCase())
}

/** What a secret name may show: whether there is something, and the code of an error, which `code` may be. */
function isHarmless(name: string, value: string): boolean {
  return (
    /^(true|false|null|undefined)$/.test(value) || (/code$/i.test(name) && value.length < 32 && errorCode.test(value))
  )
}

/**
 * A run of letters that is no word: a refresh token or a phone code (40 and more), a login code (32, but no request
 * id, which is hexadecimal), padded base64 (a key, an iv, a ciphertext), or base64 that has slashes.
 */
function isSecretRun(run: string): boolean {
  return (
    run.endsWith('=') ||
    run.length >= 64 ||
    run
      .split('/')
      .some((part) => part.length >= 40 || (/^[0-9A-Za-z]{32}$/.test(part) && !/^([0-9a-f]+|[A-Z]+)$/.test(part)))
  )
}

/** Takes from a text what looks like a secret. No look-behind: older iOS cannot parse it. */
function redactText(text: string): string {
  return text
    .replace(/\b(bearer|basic)\s+[^\s"',;]+/gi, `$1 ${hidden}`)
    .replace(/eyJ[\w-]+(\.[\w-]*)*/g, hidden)
    .replace(secretPair, (all, before: string, name: string, between: string, value: string) =>
      isHarmless(name, value) ? all : before + name + between + hidden,
    )
    .replace(/[\w+/-]{22,}={0,2}/g, (run) => (isSecretRun(run) ? hidden : run))
    .replace(/\+[1-9]([ -]?\d){6,14}/g, hidden)
    .replace(/(^|\D)((00)?86[ -]?)?1[2-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)/g, `$1${hidden}`)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** A copy of the own properties of an object; of an error also what it keeps out of sight. */
function redactObject(value: object, path: readonly object[]): unknown {
  if (path.includes(value)) return '[circular]'
  if (path.length > 8) return '[deep]'
  const inner = [...path, value]
  if (Array.isArray(value)) return value.map((item) => redactAny(item, inner))
  const names = Object.keys(value)
  if (value instanceof Error) names.push('name', 'message', 'stack', 'cause')
  const copy: Record<string, unknown> = {}
  for (const name of names) {
    let item: unknown
    try {
      item = (value as Record<string, unknown>)[name]
    } catch {
      item = '[unreadable]'
    }
    if (item === undefined) continue
    const secret = isSecretName(name) && (isObject(item) || !isHarmless(name, String(item)))
    copy[redactText(name)] = secret ? hidden : redactAny(item, inner)
  }
  return copy
}

function redactAny(value: unknown, path: readonly object[]): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'function') return '[function]'
  if (value === null || value === undefined || typeof value === 'boolean') return value
  if (isObject(value)) {
    if (value instanceof Date) return String(value)
    if (value instanceof String || value instanceof Number) return redactAny(value.valueOf(), path)
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return '[binary]'
    return redactObject(value, path)
  }
  const text = String(value)
  const clean = redactText(text)
  return clean === text && typeof value === 'number' ? value : clean
}

/**
 * A copy of a value that may be shown to those who read logs: without tokens, codes, keys, ciphertexts, identifiers
 * and phone numbers, known by the name of their property and by what they look like in any text. Errors become plain
 * objects with their message, stack, cause and data; cycles are cut.
 */
export function redact(value: unknown): unknown {
  return redactAny(value, [])
}
