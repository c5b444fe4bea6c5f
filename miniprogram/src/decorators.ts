import { Fuse, type FuseOptions } from './fuse'
import { LockQueue, type LockQueueOptions } from './lock-queue'

/** A method or function that answers with a promise. */
// biome-ignore lint/suspicious/noExplicitAny: only `any` takes every list of parameters and every `this`.
export type AsyncMethod = (this: any, ...args: any[]) => Promise<unknown>

/** A decorator for methods, as TC39 and as legacy TypeScript call it, and the same for plain functions. */
export interface AsyncDecorator {
  <M extends AsyncMethod>(method: M, context: ClassMethodDecoratorContext): M
  <M extends AsyncMethod>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<M>): void
  /** Wraps a function. Called as a method it works per object, as methods do; else all calls are one. */
  proxy<M extends AsyncMethod>(fn: M): M
}

/** Runs `call` under what an object keeps, its queue or its fuse. */
type Around<S> = (state: S, call: () => Promise<unknown>) => Promise<unknown>

function decorator<S>(create: (name: string) => S, around: Around<S>): AsyncDecorator {
  const wrap = <M extends AsyncMethod>(fn: M, name: string): M => {
    const states = new WeakMap<object, S>()
    const common = {}
    return function (this: unknown, ...args: unknown[]) {
      const owner = this !== null && /^(object|function)$/.test(typeof this) ? (this as object) : common
      const state = states.get(owner) ?? create(name)
      states.set(owner, state)
      return around(state, () => fn.apply(this, args))
    } as M
  }
  const decorate = (target: unknown, context: unknown, descriptor?: PropertyDescriptor) => {
    if (!descriptor) return wrap(target as AsyncMethod, String((context as ClassMethodDecoratorContext).name))
    descriptor.value = wrap(descriptor.value, String(context))
    return undefined
  }
  return Object.assign(decorate, { proxy: <M extends AsyncMethod>(fn: M) => wrap(fn, fn.name) }) as AsyncDecorator
}

/**
 * One call of the method at a time for each object: calls meanwhile get its result, or its error, whatever their own
 * arguments. Rejects with QUEUE_OVERFLOW when too many wait. Together with `fuseLine` it goes outside, on top, so
 * that only what really runs counts as a try.
 */
export function singleQueue(options?: LockQueueOptions): AsyncDecorator {
  return decorator(
    (name) => new LockQueue({ name, ...options }),
    (queue, call) => queue.run(call),
  )
}

/** Refuses calls of the method, for each object, that follow too closely on one another: rejects with FUSE_OPEN. */
export function fuseLine(options?: FuseOptions): AsyncDecorator {
  return decorator(
    (name) => new Fuse({ name, ...options }),
    (fuse, call) =>
      new Promise((resolve) => {
        fuse.pass()
        resolve(call())
      }),
  )
}
