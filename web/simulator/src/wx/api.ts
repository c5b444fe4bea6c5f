import type { Context } from '../runtime/context'

/** The failure of an API: what WeChat says after `fail `, and its number where it has one. */
export class WxError extends Error {
  readonly errno: number | undefined
  /** Put between the name of the API and the reason; Android leaves the space out at times. */
  readonly lead: string

  constructor(reason: string, errno?: number, lead = ':fail ') {
    super(reason)
    this.errno = errno
    this.lead = lead
  }

  /** What the program is told. */
  result(api: string): { errMsg: string; errno?: number } {
    return { errMsg: `${api}${this.lead}${this.message}`, ...(this.errno !== undefined && { errno: this.errno }) }
  }
}

/** The options of an asynchronous API. */
export interface Options {
  success?: (result: object) => void
  fail?: (error: object) => void
  complete?: (result: object) => void
  [name: string]: unknown
}

type Run = (options: Options) => object | undefined | void | Promise<object | undefined | void>
export type Api = (options?: Options) => unknown

/** What the program is told of a failure, whatever was thrown. */
export function failure(name: string, error: unknown): { errMsg: string; errno?: number } {
  if (error instanceof WxError) return error.result(name)
  return { errMsg: `${name}:fail ${error instanceof Error ? error.message : String(error)}` }
}

/**
 * An asynchronous API as WeChat has them: its callbacks come in a task of their own, `complete` after the
 * other one. Without any callback it returns a promise, unless `promise` is false; with one, undefined.
 */
export function asynchronous(program: Context, name: string, run: Run, promise = true): Api {
  return (options = {}) => {
    const { success, fail, complete, ...detail } = options
    const id = program.trace.add('call', name, { detail })
    const calling = Promise.resolve().then(() => run(options))
    const settled = calling.then(
      (result) => ({ ok: true, result: { ...result, errMsg: `${name}:ok` } }),
      (error: unknown) => ({ ok: false, result: failure(name, error) }),
    )
    const told = (then: (outcome: { ok: boolean; result: object }) => void) =>
      void settled.then((outcome) =>
        program.timers.deliver(() => {
          program.trace.add('answer', name, { of: id, ok: outcome.ok, detail: outcome.result })
          then(outcome)
        }),
      )
    if (success || fail || complete || !promise) {
      told(({ ok, result }) => {
        program.guard(`${name} ${ok ? 'success' : 'fail'}`, () => (ok ? success?.(result) : fail?.(result)))
        program.guard(`${name} complete`, () => complete?.(result))
      })
      return undefined
    }
    return new Promise((resolve, reject) => told(({ ok, result }) => (ok ? resolve(result) : reject(result))))
  }
}

/** A synchronous API, which throws what it fails with. */
export function synchronous<A extends unknown[], R>(
  program: Context,
  name: string,
  run: (...args: A) => R,
): (...args: A) => R {
  return (...args) => {
    try {
      const result = run(...args)
      program.trace.add('call', name, { ok: true, detail: { arguments: args, result } })
      return result
    } catch (error) {
      const told = failure(name, error)
      program.trace.add('call', name, { ok: false, detail: { arguments: args, ...told } })
      throw Object.assign(new Error(told.errMsg), told)
    }
  }
}
