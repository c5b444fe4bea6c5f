import { expect, test } from 'vitest'
import { AuthDisplayMode } from '../../src/session/types'
import { type AuthFlow, AuthStep } from '../../src/step'
import { outcome, settled } from '../support/fake-clock'
import { FakePopup, world } from './world'

const authPage = '/pages/auth/index'
const code = (error: string) => ({ error: expect.objectContaining({ code: error }) })

test('whoever has given what is needed passes at once, and nothing is shown', async () => {
  const { session, pages, events } = world({ given: ['PROFILE', 'PHONE'], authPage })
  const popup = new FakePopup({ session, give: async () => {} }, pages.top)
  expect(await session.mustAuth()).toBe(AuthStep.THREE)
  expect(popup.opened).toEqual([])
  expect(pages.went).toEqual([])
  expect(events).toEqual([])
  expect(session.status.auth.value).toBe(AuthStep.THREE)
})

test('the person is logged in first', async () => {
  const { session, calls } = world({ given: ['PROFILE'] })
  expect(session.peekToken()).toBeNull()
  await session.mustAuth()
  expect(calls.login).toBe(1)
})

test('without a login there is nothing to ask for: its error is the answer', async () => {
  const { session, pages } = world({ retry: { times: 0 } })
  const popup = new FakePopup({ session, give: async () => {} }, pages.top)
  session.platform.login = () => Promise.reject(new Error('login:fail'))
  expect(await outcome(session.mustAuth())).toEqual(code('WX_LOGIN_FAILED'))
  expect(popup.opened).toEqual([])
})

test('after a logout it is an act of the person, who is logged in again', async () => {
  const { session, calls } = world({ given: ['PROFILE'] })
  await session.login()
  await session.logout()
  expect(await outcome(session.ensureLogin())).toEqual(code('LOGGED_OUT'))
  expect(await session.mustAuth()).toBe(AuthStep.TWO)
  expect(session.loggedOut).toBe(false)
  expect(calls.login).toBe(2)
})

// D5: with the published status machine this promise never settled.
test('the popup of the page asks, and its end is the end', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const call = w.ask({ mustAuthStep: AuthStep.THREE })
  expect(await outcome(call)).toBe('pending')
  expect(popup.opened).toEqual([['PROFILE', 'PHONE']])
  expect(w.session.needed).toEqual(['PROFILE', 'PHONE'])
  expect(w.session.status.auth.isIng()).toBe(true)
  await popup.complete()
  expect(await call).toBe(AuthStep.THREE)
  expect(w.session.needed).toEqual([])
  expect(w.session.status.auth.isSuccess()).toBe(true)
  expect(w.events).toEqual(['need PROFILE,PHONE', 'done THREE'])
})

// D8 and D9: the published step was always THREE, and a template compared it with ===.
test.each<[AuthFlow, AuthStep, string[]]>([
  [['PROFILE', 'PHONE'], AuthStep.ONE, []],
  [['PROFILE', 'PHONE'], AuthStep.TWO, ['PROFILE']],
  [['PHONE', 'PROFILE'], AuthStep.TWO, ['PHONE']],
  [['PHONE', 'PROFILE'], AuthStep.THREE, ['PHONE', 'PROFILE']],
  [['PHONE'], AuthStep.TWO, ['PHONE']],
  [['PROFILE'], AuthStep.THREE, ['PROFILE']],
])('in the flow %s the step %s asks for %s', async (flow, mustAuthStep, need) => {
  const { session } = world({ flow })
  const call = session.mustAuth({ mustAuthStep, mode: AuthDisplayMode.NONE })
  const result = await outcome(call)
  expect(result).toEqual(
    need.length === 0
      ? { value: AuthStep.ONE }
      : { error: expect.objectContaining({ code: 'AUTH_STEP_REQUIRED', have: 'ONE', need, next: need[0] }) },
  )
})

test('a step beyond the one that is needed is enough', async () => {
  const { session } = world({ given: ['PROFILE', 'PHONE'] })
  expect(await session.mustAuth({ mustAuthStep: AuthStep.ONE })).toBe(AuthStep.THREE)
})

test('facts are asked for by name, whatever the flow, and only those that are missing', async () => {
  const w = world({ given: ['PROFILE'] })
  const popup = new FakePopup(w, w.pages.top)
  const call = w.ask({ need: ['PROFILE', 'PHONE'] })
  await settled()
  expect(popup.opened).toEqual([['PHONE']])
  await popup.complete()
  expect(await call).toBe(AuthStep.THREE)
})

test('in mode NONE nobody is asked, and nothing is said of asking', async () => {
  const w = world({ authPage, mode: AuthDisplayMode.NONE })
  expect(await outcome(w.ask())).toEqual(code('AUTH_STEP_REQUIRED'))
  expect(w.pages.went).toEqual([])
  expect(w.events).toEqual([])
})

test('a component finds the popup that it holds itself, and else the page its own', async () => {
  const w = world()
  const onPage = new FakePopup(w, w.pages.top)
  const popups: Record<string, unknown> = {}
  const host = { popups, selectComponent: (selector: string) => popups[selector] ?? null }
  const first = w.ask({ need: ['PROFILE'], host })
  await settled()
  expect(onPage.opened).toEqual([['PROFILE']])
  await onPage.complete()
  await first
  const inside = new FakePopup(w, host, 'my-popup')
  const second = w.ask({ need: ['PHONE'], host, popupCompName: 'my-popup' })
  await settled()
  expect(inside.opened).toEqual([['PHONE']])
  await inside.complete()
  await second
})

test('a page without a popup is left for the auth page; without one it is a mistake, and a loud one', async () => {
  const w = world({ authPage })
  w.ask()
  await settled()
  expect(w.pages.top.route).toBe('pages/auth/index')
  const without = world({ name: 'other' })
  expect(await outcome(without.session.mustAuth())).toEqual(code('NO_AUTH_HOST'))
  expect(without.logged).toEqual([['error', 'mustAuth', expect.anything()]])
  expect(without.events).toEqual(['need PROFILE', 'cancel NO_AUTH_HOST'])
  expect(without.session.status.auth.isFail()).toBe(true)
})

test('an auth page that does not exist is a loud mistake too', async () => {
  const w = world({ authPage: '/pages/tab', tabPages: ['/pages/tab'] })
  expect(await outcome(w.ask())).toEqual(code('NO_AUTH_HOST'))
  expect(w.logged).toHaveLength(1)
})

test('a popup that cannot be opened ends the asking, and the next one asks again', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  popup.open = () => {
    throw new Error('setData')
  }
  expect(await outcome(w.ask())).toEqual({ error: new Error('setData') })
  expect(w.session.needed).toEqual([])
  const other = new FakePopup(w, w.pages.top)
  w.ask()
  await settled()
  expect(other.opened).toHaveLength(1)
})

test('closing the popup cancels', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const call = w.ask()
  await settled()
  popup.close()
  expect(await outcome(call)).toEqual(code('USER_CANCELLED'))
  expect(w.session.status.auth.isFail()).toBe(true)
  expect(w.events).toEqual(['need PROFILE', 'cancel USER_CANCELLED'])
  expect(popup.closed).toBe(1)
})

test('who asks for the same waits for the same popup, and shares its end', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const calls = [w.ask(), w.ask(), w.ask({ need: ['PROFILE'] })]
  await settled()
  expect(popup.opened).toHaveLength(1)
  await popup.complete()
  expect(await Promise.all(calls)).toEqual([AuthStep.TWO, AuthStep.TWO, AuthStep.TWO])
  const cancelled = [w.ask({ need: ['PHONE'] }), w.ask({ need: ['PHONE'] })]
  await settled()
  popup.close()
  expect(await Promise.all(cancelled.map(outcome))).toEqual([code('USER_CANCELLED'), code('USER_CANCELLED')])
  expect(popup.opened).toHaveLength(2)
})

test('who asks for less goes on as soon as that is given', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const both = w.ask({ need: ['PROFILE', 'PHONE'] })
  const profile = w.ask({ need: ['PROFILE'] })
  await settled()
  await w.give('PROFILE')
  w.session.resolveAuth()
  expect(await outcome(profile)).toEqual({ value: AuthStep.TWO })
  expect(await outcome(both)).toBe('pending')
  expect(popup.opened).toEqual([['PROFILE', 'PHONE'], ['PHONE']])
})

test('different needs are asked for one after the other, the second only for what is still missing', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const first = w.ask({ need: ['PROFILE'] })
  const second = w.ask({ need: ['PROFILE', 'PHONE'] })
  await settled()
  expect(popup.opened).toEqual([['PROFILE']])
  await popup.complete()
  await first
  await settled()
  expect(popup.opened).toEqual([['PROFILE'], ['PHONE']])
  expect(await outcome(second)).toBe('pending')
  await popup.complete()
  expect(await second).toBe(AuthStep.THREE)
  expect(w.events).toEqual(['need PROFILE', 'done TWO', 'need PHONE', 'done THREE'])
})

test('who needs something else is asked although the one before has declined', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const first = w.ask({ need: ['PROFILE'] })
  const second = w.ask({ need: ['PHONE'] })
  await settled()
  popup.close()
  expect(await outcome(first)).toEqual(code('USER_CANCELLED'))
  await settled()
  expect(popup.opened).toEqual([['PROFILE'], ['PHONE']])
  await popup.complete()
  await second
})

test('an answer that is not all keeps asking for the rest, and one that is nothing changes nothing', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const call = w.ask({ need: ['PROFILE', 'PHONE'] })
  await settled()
  for (let i = 0; i < 5; i++) w.session.resolveAuth()
  expect(popup.opened).toHaveLength(1)
  await w.give('PHONE')
  for (let i = 0; i < 5; i++) w.session.resolveAuth()
  expect(popup.opened).toEqual([['PROFILE', 'PHONE'], ['PROFILE']])
  expect(await outcome(call)).toBe('pending')
  expect(w.session.needed).toEqual(['PROFILE'])
})

test('a popup that claims at once to be done cannot keep the gate busy', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  popup.open = function ({ need }) {
    this.opened.push(need)
    w.session.resolveAuth()
  }
  const call = w.ask({ need: ['PROFILE', 'PHONE'] })
  expect(await outcome(call)).toBe('pending')
  expect(popup.opened).toHaveLength(1)
})

test('resolveAuth and rejectAuth mean nothing when nobody is asked', () => {
  const w = world()
  w.session.resolveAuth()
  w.session.rejectAuth()
  expect(w.events).toEqual([])
  expect(w.session.status.auth.isFail()).toBe(false)
})

test('it gives up after a time, takes the popup away, and leaves no delay behind', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const call = w.ask({ timeoutMs: 30_000 })
  await w.clock.advance(29_999)
  expect(await outcome(call)).toBe('pending')
  await w.clock.advance(1)
  expect(await outcome(call)).toEqual(code('TIMEOUT'))
  expect(popup.isOpen).toBe(false)
  expect(w.events).toEqual(['need PROFILE', 'cancel TIMEOUT'])
  const again = w.ask({ timeoutMs: 30_000 })
  await settled()
  await popup.complete()
  await again
  expect(w.clock.pending).toBe(0)
})

test('one who gives up leaves the popup to the others, which then asks only for theirs', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const both = w.ask({ need: ['PROFILE', 'PHONE'], timeoutMs: 1000 })
  const phone = w.ask({ need: ['PHONE'] })
  await w.clock.advance(1000)
  expect(await outcome(both)).toEqual(code('TIMEOUT'))
  expect(popup.isOpen).toBe(true)
  expect(w.session.needed).toEqual(['PHONE'])
  await w.give('PHONE')
  w.session.resolveAuth()
  expect(await outcome(phone)).toEqual({ value: AuthStep.ONE })
  expect(w.session.status.auth.isSuccess()).toBe(true)
})

test('a logout while asked ends it, and whoever is in the queue', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const first = w.ask({ need: ['PROFILE'] })
  const second = w.ask({ need: ['PHONE'] })
  await settled()
  await w.session.logout()
  expect(await outcome(first)).toEqual(code('LOGGED_OUT'))
  expect(await outcome(second)).toEqual(code('LOGGED_OUT'))
  expect(popup.isOpen).toBe(false)
  expect(popup.opened).toHaveLength(1)
  expect(w.calls.login).toBe(1)
})

test('a popup whose page was left without a word holds nobody up', async () => {
  const w = world({ landing: '/pages/home' })
  new FakePopup(w, w.pages.push('/pages/shop'))
  const first = w.ask()
  await settled()
  await w.pages.navigateBack()
  const popup = new FakePopup(w, w.pages.top)
  const second = w.ask()
  expect(await outcome(first)).toEqual(code('USER_CANCELLED'))
  await popup.complete()
  expect(await second).toBe(AuthStep.TWO)
})

test('who is asked on a page above is asked there too, and one answer serves both', async () => {
  const w = world()
  const below = new FakePopup(w, w.pages.top)
  const first = w.ask()
  await settled()
  const above = new FakePopup(w, w.pages.push('/pages/terms'))
  const second = w.ask()
  await settled()
  expect(above.opened).toEqual([['PROFILE']])
  expect(below.opened).toHaveLength(1)
  await above.complete()
  expect(await Promise.all([first, second])).toEqual([AuthStep.TWO, AuthStep.TWO])
})

test('a page further down that asks in its own popup does not count as asking on the screen', async () => {
  const w = world()
  const host = w.pages.top
  const below = new FakePopup(w, host)
  const above = new FakePopup(w, w.pages.push('/pages/terms'))
  w.ask({ host })
  await settled()
  expect([below.opened.length, above.opened.length]).toEqual([1, 0])
  w.ask()
  await settled()
  expect([below.opened.length, above.opened.length]).toEqual([1, 1])
})

test('status.auth is not done while somebody is asked, whoever passes meanwhile', async () => {
  const w = world({ given: ['PROFILE'] })
  const popup = new FakePopup(w, w.pages.top)
  w.ask({ need: ['PHONE'] })
  await settled()
  expect(await w.session.mustAuth({ need: ['PROFILE'] })).toBe(AuthStep.TWO)
  expect(w.session.status.auth.isIng()).toBe(true)
  await popup.complete()
  expect(w.session.status.auth.value).toBe(AuthStep.THREE)
})

test('a listener that is told of the asking can refuse it before anything is shown', async () => {
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  w.session.events.on('auth:need', () => w.session.rejectAuth())
  expect(await outcome(w.ask())).toEqual(code('USER_CANCELLED'))
  expect(popup.opened).toEqual([])
})

test('facts that the server takes back are asked for again', async () => {
  const w = world({ given: ['PROFILE', 'PHONE'] })
  const popup = new FakePopup(w, w.pages.top)
  await w.ask({ need: ['PHONE'] })
  await w.session.unbindPhone()
  w.ask({ need: ['PHONE'] })
  await settled()
  expect(popup.opened).toEqual([['PHONE']])
})
