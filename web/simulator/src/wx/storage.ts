import type { Context } from '../runtime/context'
import { asynchronous, type Options, synchronous, WxError } from './api'

const maxValue = 1 << 20
const maxTotal = 10 << 20
const encryptedShare = 0.7

interface Stored {
  data: unknown
  /** Dates do not survive JSON by themselves. */
  type?: 'Date'
  encrypted?: boolean
}

/** The storage of one person in one Mini Program. */
class Area {
  readonly #program: Context

  constructor(program: Context) {
    this.#program = program
  }

  get(key: unknown, encrypted = false): Stored | undefined {
    const text = this.#program.phone.shelf.getItem(this.#name(key))
    if (text === null) return undefined
    const stored = JSON.parse(text) as Stored
    if ((stored.encrypted ?? false) !== encrypted) return undefined
    return stored.type === 'Date' ? { ...stored, data: new Date(stored.data as string) } : stored
  }

  set(key: unknown, data: unknown, encrypted = false) {
    const name = this.#name(key)
    const stored: Stored = { data, ...(data instanceof Date && { type: 'Date' }), ...(encrypted && { encrypted }) }
    const text = JSON.stringify(stored)
    const share = encrypted ? encryptedShare : 1
    if (text.length > maxValue * share) throw new WxError('entry size limit reached')
    const before = this.#program.phone.shelf.getItem(name)?.length ?? 0
    if (this.size() - before + text.length > maxTotal * share) throw new WxError('exceed storage max size 10Mb')
    try {
      this.#program.phone.shelf.setItem(name, text)
    } catch {
      throw new WxError('exceed storage max size 10Mb') // browsers allow less
    }
  }

  remove(key: unknown) {
    this.#program.phone.shelf.removeItem(this.#name(key))
  }

  clear() {
    for (const key of this.keys()) this.remove(key)
  }

  keys(): string[] {
    const { shelf } = this.#program.phone
    const prefix = this.#prefix()
    const names = Array.from({ length: shelf.length }, (_, i) => shelf.key(i) ?? '')
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  }

  size(): number {
    const { shelf } = this.#program.phone
    return this.keys().reduce((sum, key) => sum + (shelf.getItem(this.#prefix() + key)?.length ?? 0), 0)
  }

  info() {
    return { keys: this.keys(), currentSize: Math.ceil(this.size() / 1024), limitSize: maxTotal / 1024 }
  }

  #prefix(): string {
    return `${this.#program.phone.storagePrefix()}data:`
  }

  #name(key: unknown): string {
    if (typeof key !== 'string') {
      throw new WxError(`parameter error: parameter.key should be String instead of ${kind(key)};`)
    }
    return this.#prefix() + key
  }
}

function kind(value: unknown): string {
  return value === undefined
    ? 'Undefined'
    : value === null
      ? 'Null'
      : Object.prototype.toString.call(value).slice(8, -1)
}

export function storageApis(program: Context): Record<string, unknown> {
  const area = new Area(program)
  const later = (name: string, run: (options: Options) => object | undefined) =>
    asynchronous(program, name, (o) => run(o))
  return {
    getStorageSync: synchronous(program, 'getStorageSync', (key: unknown) => area.get(key)?.data ?? ''),
    setStorageSync: synchronous(program, 'setStorageSync', (key: unknown, data: unknown) => area.set(key, data)),
    removeStorageSync: synchronous(program, 'removeStorageSync', (key: unknown) => area.remove(key)),
    clearStorageSync: synchronous(program, 'clearStorageSync', () => area.clear()),
    getStorageInfoSync: synchronous(program, 'getStorageInfoSync', () => area.info()),
    getStorage: later('getStorage', ({ key, encrypt }) => {
      const stored = area.get(key, encrypt === true)
      if (!stored) throw new WxError('data not found')
      return { data: stored.data }
    }),
    setStorage: later('setStorage', ({ key, data, encrypt }) => void area.set(key, data, encrypt === true)),
    removeStorage: later('removeStorage', ({ key }) => void area.remove(key)),
    clearStorage: later('clearStorage', () => void area.clear()),
    getStorageInfo: later('getStorageInfo', () => area.info()),
  }
}
