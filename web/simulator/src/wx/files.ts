import type { Device } from '../surroundings'

/** The temporary files of one life of a program. Their paths mean nothing to anybody else. */
export class TemporaryFiles {
  readonly #files = new Map<string, { blob: Blob; url: string }>()
  readonly #platform: Device['platform']

  constructor(platform: Device['platform']) {
    this.#platform = platform
  }

  /** Keeps the file and returns its path, which looks different in WeChat's own simulator. */
  add(blob: Blob): string {
    const name = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join('')
    const extension = blob.type.split('/')[1]?.replace('jpeg', 'jpg').replace('svg+xml', 'svg') ?? 'bin'
    const path = this.#platform === 'devtools' ? `http://tmp/${name}.${extension}` : `wxfile://tmp_${name}.${extension}`
    this.#files.set(path, { blob, url: '' })
    return path
  }

  get(path: string): Blob | undefined {
    return this.#files.get(path)?.blob
  }

  /** The picture as a data: address, for a page whose policy allows no other. */
  async picture(path: string): Promise<string | undefined> {
    const file = this.#files.get(path)
    if (!file) return undefined
    if (file.url) return file.url
    const bytes = new Uint8Array(await file.blob.arrayBuffer())
    let text = ''
    for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
    file.url = `data:${file.blob.type};base64,${btoa(text)}`
    return file.url
  }
}
