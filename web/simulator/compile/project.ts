import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'

/** Something in the project that the compiler cannot make sense of. */
export class CompileError extends Error {
  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`)
    this.name = 'CompileError'
  }
}

/**
 * The files of a Mini Program by the paths that its code uses, without a leading slash. A package that has
 * not been put into `miniprogram_npm` by DevTools may come from a directory elsewhere.
 */
export class Project {
  /** Real paths of what has been read, for a watcher. */
  readonly read = new Set<string>()
  readonly #root: string
  readonly #packages: Record<string, string>

  /** `packages` says where the files of an npm package are, by its name. */
  constructor(root: string, packages: Record<string, string> = {}) {
    this.#root = root
    this.#packages = packages
  }

  /** Where a file of the project really is. */
  real(path: string): string {
    const own = join(this.#root, path)
    if (existsSync(own)) return own
    for (const [name, directory] of Object.entries(this.#packages)) {
      const prefix = `miniprogram_npm/${name}/`
      if (path.startsWith(prefix)) return join(directory, path.slice(prefix.length))
    }
    return own
  }

  has(path: string): boolean {
    const real = this.real(path)
    return existsSync(real) && statSync(real).isFile()
  }

  text(path: string): string {
    const real = this.real(path)
    if (!this.has(path)) throw new CompileError(path, 'there is no such file')
    this.read.add(real)
    return readFileSync(real, 'utf8')
  }

  json(path: string): Record<string, unknown> {
    try {
      return JSON.parse(this.text(path)) as Record<string, unknown>
    } catch (error) {
      if (error instanceof CompileError) throw error
      throw new CompileError(path, `is not JSON: ${(error as Error).message}`)
    }
  }

  /** Paths of all files with one of the extensions, those of npm packages aside. */
  list(extensions: RegExp, directory = ''): string[] {
    return readdirSync(join(this.#root, directory), { withFileTypes: true }).flatMap((entry) => {
      const path = posix.join(directory, entry.name)
      if (entry.isDirectory()) {
        return /^(node_modules|miniprogram_npm|\..*)$/.test(entry.name) ? [] : this.list(extensions, path)
      }
      return extensions.test(entry.name) ? [path] : []
    })
  }

  /**
   * The file that `id` means in the file `from`, trying each of the endings; undefined if there is none.
   * A path without a dot in front is tried beside the file, from the root, and as an npm package.
   */
  resolve(id: string, from: string, endings: readonly string[]): string | undefined {
    const directory = posix.dirname(from)
    const candidates = id.startsWith('/')
      ? [id.slice(1)]
      : [posix.join(directory, id), ...(id.startsWith('.') ? [] : [id, ...this.#inPackages(id, directory)])]
    for (const candidate of candidates) {
      const found = endings.map((ending) => posix.normalize(candidate + ending)).find((path) => this.has(path))
      if (found) return found
    }
    return undefined
  }

  #inPackages(id: string, directory: string): string[] {
    const found: string[] = []
    for (let at = directory; ; at = posix.dirname(at)) {
      found.push(posix.join(at, 'miniprogram_npm', id))
      if (at === '.' || at === '') return found
    }
  }
}
