import { isMpAuthError, MpAuthError } from '../errors'
import type { Page } from '../platform'
import type { MustAuthOptions } from '../session/types'
import { urlOf } from './auth-page'
import { authorized, type GuardSession, type Turn } from './authorized'

export interface GuardOptions extends MustAuthOptions {
  /** What becomes of USER_CANCELLED: the promise resolves with undefined, or rejects. `ignore`. */
  onReject?: 'ignore' | 'throw'
}

export interface Guards {
  /**
   * For the functions of a `Page({})` or `Component({})` literal: the function runs, with its `this` and its arguments,
   * once the person has what is needed. Calls of the same page made while it asks are that one call, so that a double
   * tap runs the function once.
   *
   * Should the server refuse the function with AUTH_STEP_REQUIRED after all, the person is asked for what the server
   * names and the function runs once more: let it do nothing before the server's answer that must not happen twice.
   *
   * The promise rejects with what mustAuth or the function rejects with. Nobody catches what an event handler
   * returns, so the logger has every such error too.
   */
  withAuth<A extends unknown[], R, T = Self>(
    fn: (this: T, ...args: A) => R,
    options?: GuardOptions,
  ): (this: T, ...args: A) => Promise<Awaited<R> | undefined>
  /** `withAuth` for the methods of a class, as a decorator of either kind: the standard's, or legacy TypeScript's. */
  mustAuth(options?: GuardOptions): MustAuthDecorator
  /**
   * Holds up hooks of a page that people may land on: `onLoad` keeps its query, and the auth page goes back to the
   * whole address. A page that was replaced meanwhile does not go on: its successor does. Coming back from being
   * asked is no new `onShow`, so that a person who declined is not asked again at once.
   */
  authPage<P extends object>(page: P, hooks: { onLoad?: GuardOptions; onShow?: GuardOptions }): P
}

// biome-ignore lint/suspicious/noExplicitAny: a function that stands in a call takes its `this` from nowhere else.
type Self = any

/** A method whose caller does not mind a promise. */
// biome-ignore lint/suspicious/noExplicitAny: constraints on parameters refuse methods that would do.
// biome-ignore lint/suspicious/noConfusingVoidType: what a method without a promise is declared to return.
type Guardable = (this: any, ...args: any[]) => void | Promise<unknown>

export interface MustAuthDecorator {
  <M extends Guardable>(method: M, context: ClassMethodDecoratorContext): M
  <M extends Guardable>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<M>): void
}

type Call = (this: Self, ...args: Self[]) => unknown
type Turns = WeakMap<object, Promise<unknown>>
/** The guards of a session, or of the one that a function finds when it is needed. */
export function createGuards(session: GuardSession | (() => GuardSession)): Guards {
  const get = typeof session === 'function' ? session : () => session

  const withAuth: Guards['withAuth'] = (fn, options) => guard(get, fn, options)

  const mustAuth: Guards['mustAuth'] =
    (options) => (method: unknown, _context: unknown, descriptor?: { value?: Call }) => {
      const fn = descriptor ? descriptor.value : method
      if (typeof fn !== 'function') throw new MpAuthError('CONFIG', '@mustAuth is for methods')
      const guarded = guard(get, fn as Call, options)
      if (!descriptor) return guarded as never
      descriptor.value = guarded
    }

  const authPage: Guards['authPage'] = (page, hooks) => guardHooks(get, page, hooks)

  return { withAuth, mustAuth, authPage }
}

function guard<A extends unknown[], R, T>(
  get: () => GuardSession,
  fn: (this: T, ...args: A) => R,
  options: GuardOptions = {},
  turns: Turns = new WeakMap(),
  backTo?: (self: T, args: A) => string,
): (this: T, ...args: A) => Promise<Awaited<R> | undefined> {
  return async function (this: T, ...args: A): Promise<Awaited<R> | undefined> {
    const session = get()
    const self = typeof this === 'object' && this ? this : fn
    const asked: MustAuthOptions = { host: self, ...options }
    if (backTo) asked.backTo ??= backTo(this, args)
    const turn: Turn = (ask, then) => takeTurn(turns, self, ask, then)
    const shared = turns.has(self)
    try {
      return (await turn(
        () => session.mustAuth(asked),
        () => authorized(session, async () => fn.apply(this, args), asked, turn),
      )) as Awaited<R>
    } catch (error) {
      const cancelled = isMpAuthError(error, 'USER_CANCELLED')
      if (cancelled && options.onReject !== 'throw') return undefined
      if (!cancelled && !shared) session.logger.error('withAuth', error)
      throw error
    }
  }
}

/** One asking per page at a time; who comes meanwhile gets the outcome of the first. */
function takeTurn<T>(turns: Turns, self: object, ask: () => Promise<unknown>, then: () => Promise<T>): Promise<T> {
  const other = turns.get(self)
  if (other) return other as Promise<T>
  const free = () => turns.delete(self)
  const turn = ask().then(
    () => {
      free()
      return then()
    },
    (error) => {
      free()
      throw error
    },
  )
  turns.set(self, turn)
  return turn
}

type HookName = 'onLoad' | 'onShow' | 'onHide'
type Hooks = { [name in HookName]?: Call }

function guardHooks<P extends object>(
  get: () => GuardSession,
  page: P,
  hooks: { onLoad?: GuardOptions; onShow?: GuardOptions },
): P {
  const own = page as Hooks
  const made: Hooks = {}
  if (hooks.onLoad) {
    made.onLoad = guardHook(get, own.onLoad, hooks.onLoad, new WeakMap(), (self, [query]) => urlOf(self, query))
  }
  if (hooks.onShow) {
    const turns: Turns = new WeakMap()
    const away = new WeakSet<object>()
    const onShow = guardHook(get, own.onShow, hooks.onShow, turns)
    made.onShow = function (...args) {
      return away.delete(this) ? undefined : onShow.apply(this, args)
    }
    made.onHide = function (...args) {
      if (turns.has(this)) away.add(this)
      return own.onHide?.apply(this, args)
    }
  }
  return { ...page, ...made }
}

function guardHook(
  get: () => GuardSession,
  hook: Call | undefined,
  options: GuardOptions,
  turns: Turns,
  backTo?: (self: Page, args: Self[]) => string,
): Call {
  const shown = new WeakSet<object>()
  const isThere = (page: Page) => get().platform.pages().includes(page)
  const guarded = guard(
    get,
    function (this: Page, ...args: Self[]) {
      if (shown.has(this) && !isThere(this)) return undefined
      return hook?.apply(this, args)
    },
    options,
    turns,
    backTo,
  )
  return function (...args) {
    if (isThere(this)) shown.add(this)
    return guarded.apply(this, args)
  }
}
