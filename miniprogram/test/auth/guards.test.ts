import { describe, expect, test, vi } from 'vitest'
import { authorized } from '../../src/auth/authorized'
import { createGuards } from '../../src/auth/guards'
import { MpAuthError } from '../../src/errors'
import { AuthDisplayMode } from '../../src/session/types'
import { type AuthFact, AuthStep } from '../../src/step'
import { outcome, settled } from '../support/fake-clock'
import { FakePopup, quiet, type WorldOptions, world } from './world'

const authPage = '/pages/auth/index'
const code = (error: string) => ({ error: expect.objectContaining({ code: error }) })
const required = (...need: AuthFact[]) => new MpAuthError('AUTH_STEP_REQUIRED', '', { need })

/** A world whose page has a popup, and its guards. */
function guarded(options: WorldOptions = {}) {
  const w = world(options)
  const popup = new FakePopup(w, w.pages.top)
  return { ...w, popup, ...createGuards(() => w.session) }
}

describe('withAuth', () => {
  // D13: a decorator cannot stand in an object literal; a function can.
  test('runs the function of a page literal with its `this` and its arguments, once the person has answered', async () => {
    const { withAuth, popup, pages } = guarded()
    const page = Object.assign(pages.top, {
      price: 3,
      onBuy: withAuth(function (this: { price: number }, count: number, note: string) {
        return `${this.price * count} ${note}`
      }),
    })
    const call = page.onBuy(2, 'red')
    expect(await outcome(call)).toBe('pending')
    await popup.complete()
    expect(await call).toBe('6 red')
  })

  test('takes a step, facts, or what mustAuth takes else', async () => {
    const { withAuth, popup, pages } = guarded({ authPage })
    quiet(withAuth(() => {}, { mustAuthStep: AuthStep.THREE })())
    await settled()
    expect(popup.opened).toEqual([['PROFILE', 'PHONE']])
    popup.close()
    quiet(withAuth(() => {}, { need: ['PHONE'], mode: AuthDisplayMode.PAGE })())
    await settled()
    expect(pages.top.options?.need).toBe('PHONE')
  })

  test('a method of a component asks in the popup that the component holds', async () => {
    const { withAuth, popup, ...w } = guarded()
    const popups: Record<string, unknown> = {}
    const component = { popups, selectComponent: (s: string) => popups[s] ?? null, buy: withAuth(() => 'bought') }
    const inside = new FakePopup(w, component)
    const call = component.buy()
    await settled()
    expect([inside.opened.length, popup.opened.length]).toEqual([1, 0])
    await inside.complete()
    expect(await call).toBe('bought')
  })

  test('a session that is found when it is needed need not be there before', async () => {
    const get = vi.fn(() => world({ given: ['PROFILE'] }).session)
    const buy = createGuards(get).withAuth(() => 1)
    expect(get).not.toHaveBeenCalled()
    expect(await buy()).toBe(1)
    const missing = createGuards(() => {
      throw new MpAuthError('CONFIG')
    })
    expect(await outcome(missing.withAuth(() => 1)())).toEqual(code('CONFIG'))
  })

  test('a person who declines is no error, and nothing ran', async () => {
    const { withAuth, popup, logged } = guarded()
    const fn = vi.fn()
    const call = withAuth(fn)()
    await settled()
    popup.close()
    expect(await call).toBeUndefined()
    expect(fn).not.toHaveBeenCalled()
    expect(logged).toEqual([])
  })

  test('unless it is asked for as one', async () => {
    const { withAuth, popup, logged } = guarded()
    const call = quiet(withAuth(() => {}, { onReject: 'throw' })())
    await settled()
    popup.close()
    expect(await outcome(call)).toEqual(code('USER_CANCELLED'))
    expect(logged).toEqual([])
  })

  test('every other error rejects, and is logged, since nobody may catch it', async () => {
    const { withAuth, logged } = guarded({ given: ['PROFILE'] })
    const error = new Error('sold out')
    const sync = withAuth(() => {
      throw error
    })
    expect(await outcome(sync())).toEqual({ error })
    expect(await outcome(withAuth(() => Promise.reject(error))())).toEqual({ error })
    expect(logged.map(([method, text]) => [method, text])).toEqual([
      ['error', 'withAuth'],
      ['error', 'withAuth'],
    ])
    const without = createGuards(world({ name: 'without popup' }).session)
    expect(await outcome(without.withAuth(() => 1)())).toEqual(code('NO_AUTH_HOST'))
  })

  test('a double tap while the person is asked runs the function once, for both', async () => {
    const { withAuth, popup, pages } = guarded()
    const fn = vi.fn(async (item: string) => item)
    const page = Object.assign(pages.top, { onBuy: withAuth(fn) })
    const calls = [page.onBuy('a'), page.onBuy('b')]
    await settled()
    calls.push(page.onBuy('c'))
    await popup.complete()
    expect(await Promise.all(calls)).toEqual(['a', 'a', 'a'])
    expect(fn).toHaveBeenCalledOnce()
    expect(await page.onBuy('d')).toBe('d')
  })

  test('a double tap that is declined is declined for both, and the next tap asks again', async () => {
    const { withAuth, popup, pages } = guarded()
    const page = Object.assign(pages.top, { onBuy: withAuth(() => 1) })
    const calls = [page.onBuy(), page.onBuy()]
    await settled()
    popup.close()
    expect(await Promise.all(calls)).toEqual([undefined, undefined])
    quiet(page.onBuy())
    await settled()
    expect(popup.opened).toHaveLength(2)
  })

  test('an error that a double tap shares is logged once', async () => {
    const { withAuth, popup, logged } = guarded()
    const error = new Error('sold out')
    const buy = withAuth(() => Promise.reject(error))
    const calls = [quiet(buy()), quiet(buy())]
    await settled()
    await popup.complete()
    expect(await Promise.all(calls.map(outcome))).toEqual([{ error }, { error }])
    expect(logged).toHaveLength(1)
  })

  test('the same function on two pages is two', async () => {
    const { withAuth, popup } = guarded()
    const fn = vi.fn(function (this: { id: number }) {
      return this.id
    })
    const buy = withAuth(fn)
    const calls = [buy.call({ id: 1 }), buy.call({ id: 2 })]
    await settled()
    await popup.complete()
    expect(await Promise.all(calls)).toEqual([1, 2])
  })
})

describe('a server that knows better', () => {
  test('is believed: the person is asked for what it names, and the function goes on by itself', async () => {
    const { withAuth, popup } = guarded({ given: ['PROFILE'] })
    const fn = vi.fn(async (item: string) => `bought ${item}`).mockRejectedValueOnce(required('PHONE'))
    const call = withAuth(fn)('tea')
    await settled()
    expect(popup.opened).toEqual([['PHONE']])
    await popup.complete()
    expect(await call).toBe('bought tea')
    expect(fn.mock.calls).toEqual([['tea'], ['tea']])
  })

  test('also where the device thinks that it has the fact', async () => {
    const { withAuth, popup, facts, calls } = guarded({ given: ['PROFILE', 'PHONE'] })
    const fn = vi.fn(async () => {
      if (!facts.has('PHONE')) throw required('PHONE')
      return 'bought'
    })
    expect(await withAuth(fn)()).toBe('bought')
    facts.delete('PHONE')
    const call = withAuth(fn)()
    await settled()
    expect(calls.me).toBe(1)
    expect(popup.opened).toEqual([['PHONE']])
    await popup.complete()
    expect(await call).toBe('bought')
  })

  test('is asked once more, never oftener', async () => {
    const { withAuth, popup } = guarded({ given: ['PROFILE'] })
    const fn = vi.fn(async () => {
      throw required('PHONE')
    })
    const call = quiet(withAuth(fn)())
    await settled()
    await popup.complete()
    expect(await outcome(call)).toEqual(code('AUTH_STEP_REQUIRED'))
    expect(fn).toHaveBeenCalledTimes(2)
    expect(popup.opened).toHaveLength(1)
  })

  test('has everything asked for when it does not name it', async () => {
    const { withAuth, popup } = guarded({ given: ['PROFILE'] })
    quiet(withAuth(() => Promise.reject(new MpAuthError('AUTH_STEP_REQUIRED')))())
    await settled()
    expect(popup.opened).toEqual([['PHONE']])
  })

  test('a double tap that both met the refusal goes on once', async () => {
    const { session, withAuth, popup, facts } = guarded({ given: ['PROFILE'] })
    const bought = vi.fn()
    let answer = () => {}
    const answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    const buy = withAuth(async () => {
      await answered
      if (!facts.has('PHONE')) throw required('PHONE')
      bought()
      return 'bought'
    })
    await session.login()
    const first = buy()
    await settled()
    const second = buy()
    answer()
    await settled()
    await popup.complete()
    expect(await Promise.all([first, second])).toEqual(['bought', 'bought'])
    expect(bought).toHaveBeenCalledOnce()
  })

  test('a person who declines then is no error either', async () => {
    const { withAuth, popup } = guarded({ given: ['PROFILE'] })
    const fn = vi.fn(() => Promise.reject(required('PHONE')))
    const call = withAuth(fn)()
    await settled()
    popup.close()
    expect(await call).toBeUndefined()
    expect(fn).toHaveBeenCalledOnce()
  })
})

describe('authorized, for requests', () => {
  test('lets an operation through that is not refused', async () => {
    const { session, popup } = guarded()
    expect(await authorized(session, async () => 1)).toBe(1)
    expect(await outcome(authorized(session, () => Promise.reject(new MpAuthError('NOT_FOUND'))))).toEqual(
      code('NOT_FOUND'),
    )
    expect(popup.opened).toEqual([])
  })

  test('asks, and goes on by itself; each operation for itself', async () => {
    const { session, facts, popup } = guarded()
    await session.login()
    const run = vi.fn(async () => {
      if (!facts.has('PHONE')) throw required('PHONE')
      return run.mock.calls.length
    })
    const operations = [authorized(session, run), authorized(session, run)]
    await settled()
    expect(popup.opened).toEqual([['PHONE']])
    await popup.complete()
    expect(await Promise.all(operations)).toEqual([3, 4])
  })

  test('inside of withAuth nobody is asked twice', async () => {
    const { session, withAuth, popup } = guarded({ given: ['PROFILE'] })
    const run = vi.fn(() => Promise.reject(required('PHONE')))
    const call = quiet(withAuth(() => authorized(session, run))())
    await settled()
    await popup.complete()
    expect(await outcome(call)).toEqual(code('AUTH_STEP_REQUIRED'))
    expect(run).toHaveBeenCalledTimes(2)
    expect(popup.opened).toHaveLength(1)
  })

  test('in mode NONE, and after a logout meanwhile, the refusal is the answer', async () => {
    const { session, calls, popup } = guarded({ given: ['PROFILE'] })
    await session.login()
    const error = required('PHONE')
    const refused = () => Promise.reject(error)
    expect(await outcome(authorized(session, refused, { mode: AuthDisplayMode.NONE }))).toEqual({ error })
    const meanwhile = () => session.logout().then(refused)
    expect(await outcome(authorized(session, meanwhile))).toEqual({ error })
    expect([calls.login, popup.opened.length]).toEqual([1, 0])
  })

  test('the error of a server that cannot be asked who the person is comes out', async () => {
    const { session } = guarded({ given: ['PROFILE', 'PHONE'] })
    await session.login()
    vi.spyOn(session, 'me').mockRejectedValue(new MpAuthError('NETWORK'))
    expect(await outcome(authorized(session, () => Promise.reject(required('PHONE'))))).toEqual(code('NETWORK'))
  })
})
