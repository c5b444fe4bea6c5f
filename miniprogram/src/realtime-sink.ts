import type { LogSink } from './logger'

/** What `wx.getRealtimeLogManager()` returns, as much of it as is used. */
export interface RealtimeLogManager {
  info(...args: unknown[]): void
  warn(...args: unknown[]): void
  error(...args: unknown[]): void
  setFilterMsg?(message: string): void
}

/** What one call of the realtime log takes, in bytes of UTF-8: 5 KB by the platform's documentation, less some room. */
const callBytes = 5000
/** Longer texts end here: the platform counts calls too. */
const maxCalls = 4

/**
 * A sink that writes to WeChat's realtime log, which operators search in the console of the Mini Program. A long
 * text goes in parts of at most 5 KB, no more than four. The id of a request, where a logged object has one, becomes
 * the filter word, so that it can be searched for. The realtime log knows no debug level; that goes to info.
 *
 * https://developers.weixin.qq.com/miniprogram/dev/framework/realtimelog/
 */
export function realtimeSink(manager: RealtimeLogManager): LogSink {
  return (method, args) => {
    for (const arg of args) {
      const id = (arg as { requestId?: unknown } | null | undefined)?.requestId
      if (typeof id === 'string') manager.setFilterMsg?.(id.slice(0, 256))
    }
    const text = args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' ')
    const parts = split(text, callBytes)
    for (const part of parts.slice(0, maxCalls)) manager[method === 'debug' ? 'info' : method](part)
  }
}

/** Cuts a text into parts of at most so many bytes of UTF-8, never within a character. */
function split(text: string, bytes: number): string[] {
  const parts: string[] = []
  let part = ''
  let size = 0
  for (const char of text) {
    const code = char.codePointAt(0) as number
    const width = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (size + width > bytes) {
      parts.push(part)
      part = ''
      size = 0
    }
    part += char
    size += width
  }
  return [...parts, part]
}
