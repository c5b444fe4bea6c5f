import { type Bundle, provided } from '../bundle'

/** Runs the files of a Mini Program, each once, with the names that it may see. */
export class Loader {
  readonly #bundle: Bundle
  readonly #names: unknown[]
  readonly #modules = new Map<string, { exports: unknown }>()

  constructor(bundle: Bundle, globals: Record<(typeof provided)[number], unknown>) {
    this.#bundle = bundle
    this.#names = provided.map((name) => globals[name])
  }

  /** The exports of a file; `path` without an extension or with one, from the root. */
  require(path: string): unknown {
    const file = [path, `${path}.js`, `${path}.ts`].find((name) => name in this.#bundle.modules)
    if (file === undefined) throw new Error(`module '${path}.js' is not defined, require args is '${path}'`)
    const known = this.#modules.get(file)
    if (known) return known.exports
    const module = { exports: {} as unknown }
    this.#modules.set(file, module)
    try {
      this.#bundle.modules[file]!.call(
        undefined,
        (id) => this.require(id.replace(/^\//, '')),
        module,
        module.exports,
        ...this.#names,
      )
    } catch (error) {
      this.#modules.delete(file)
      throw error
    }
    return module.exports
  }
}
