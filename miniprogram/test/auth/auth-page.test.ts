import { expect, test } from 'vitest'
import { authPageUrl, leaveAuthPage, needOf, urlOf } from '../../src/auth/auth-page'
import { AuthDisplayMode } from '../../src/session/types'
import { AuthStep } from '../../src/step'
import { outcome, settled } from '../support/fake-clock'
import type { FakePage } from '../support/fake-pages'
import { FakePopup, type World, type WorldOptions, world } from './world'

const authPage = '/pages/auth/index'
const asPage = (options: WorldOptions = {}) => world({ authPage, mode: AuthDisplayMode.PAGE, ...options })
const complete = ({ pages, give }: World) => (pages.top.complete as (by: World['give']) => Promise<void>)(give)
const code = (error: string) => ({ error: expect.objectContaining({ code: error }) })

// D6: the published promise was resolved as soon as the page was gone to.
test('the auth page asks, and nobody passes before the person has answered there', async () => {
  const w = asPage()
  const shop = w.pages.top
  const call = w.ask()
  expect(await outcome(call)).toBe('pending')
  expect(w.pages.top.route).toBe('pages/auth/index')
  expect(w.session.needed).toEqual(['PROFILE'])
  await complete(w)
  expect(await call).toBe(AuthStep.TWO)
  expect(w.pages.stack).toEqual([shop])
  expect(w.pages.went.slice(1)).toEqual(['navigateBack'])
})

test('leaving the auth page without an answer cancels', async () => {
  const w = asPage()
  const call = w.ask()
  await settled()
  await w.pages.navigateBack()
  expect(await outcome(call)).toEqual(code('USER_CANCELLED'))
  expect(w.events).toEqual(['need PROFILE', 'cancel USER_CANCELLED'])
})

// D7: the published return address was the route alone.
test('the way back is the whole address, query included', async () => {
  const w = asPage({ landing: '/pages/shop?id=7&scene=a%3D1%26b' })
  w.ask({ need: ['PROFILE', 'PHONE'] })
  await settled()
  expect(w.pages.went).toEqual([
    'navigateTo /pages/auth/index?need=PROFILE,PHONE&backTo=%2Fpages%2Fshop%3Fid%3D7%26scene%3Da%253D1%2526b',
  ])
  await complete(w)
  expect(w.pages.top.options).toEqual({ id: '7', scene: 'a%3D1%26b' })
})

test('on a full stack the page makes room, and is opened anew as it was', async () => {
  const w = asPage({ landing: '/pages/home' })
  for (let i = 1; i < 9; i++) w.pages.push('/pages/list')
  w.pages.push('/pages/shop', 'id=7')
  const call = w.ask()
  await settled()
  expect(w.pages.went[0]).toMatch(/^redirectTo \/pages\/auth\/index\?/)
  expect(w.pages.stack).toHaveLength(10)
  expect(await outcome(call)).toBe('pending')
  await complete(w)
  expect(await call).toBe(AuthStep.TWO)
  expect(w.pages.went[1]).toBe('redirectTo /pages/shop?id=7')
  expect(w.pages.stack).toHaveLength(10)
  expect(w.pages.top.options).toEqual({ id: '7' })
})

test.each([
  ['one that the session knows', ['pages/home'], ['switchTab /pages/home']],
  ['one that it was not told of', [], ['redirectTo /pages/home?from=ad', 'switchTab /pages/home']],
])('back to a page of the tab bar: %s, without the query that it cannot take', async (_, tabPages, went) => {
  const w = asPage({ tabPages: ['/pages/home'] })
  w.pages.stack.pop()
  w.pages.push('/pages/auth/index', `backTo=${encodeURIComponent('/pages/home?from=ad')}`)
  await leaveAuthPage({ platform: w.session.platform, tabPages }, w.pages.top.options?.backTo)
  expect(w.pages.stack.map((page) => page.route)).toEqual(['pages/home'])
  expect(w.pages.top.options).toEqual({})
  expect(w.pages.went).toEqual(went)
})

test('an auth page that was asked from a page of the tab bar goes simply back to it', async () => {
  const w = asPage({ tabPages: ['/pages/home'], landing: '/pages/home' })
  const call = w.ask()
  await settled()
  await complete(w)
  expect(await call).toBe(AuthStep.TWO)
  expect(w.pages.went[1]).toBe('navigateBack')
})

test('an auth page with no address to go back to goes back, or stays where it is the first', async () => {
  const w = asPage()
  w.pages.push('/pages/auth/index')
  await leaveAuthPage(w.session)
  expect(w.pages.went).toEqual(['navigateBack'])
  await leaveAuthPage(w.session, 'https://example.com/')
  await leaveAuthPage(w.session, '%E0%A4%A')
  expect(w.pages.went).toEqual(['navigateBack'])
})

test("a return address that leads nowhere is an error in the platform's words", async () => {
  const w = asPage({ landing: '', tabPages: ['/pages/home'] })
  w.pages.push('/pages/auth/index')
  w.session.platform.navigate = (kind) => Promise.reject(new Error(`${kind}:fail page not found`))
  expect(await outcome(leaveAuthPage(w.session, '/pages/gone'))).toEqual({
    error: new Error('redirectTo:fail page not found'),
  })
})

test('two that are asked for different things get the page one after the other', async () => {
  const w = asPage()
  const first = w.ask({ need: ['PROFILE'] })
  const second = w.ask({ need: ['PHONE'] })
  await settled()
  await complete(w)
  await first
  await settled()
  expect(w.pages.stack.map((page) => page.route)).toEqual(['pages/shop', 'pages/auth/index'])
  expect(w.pages.top.options?.need).toBe('PHONE')
  await complete(w)
  expect(await second).toBe(AuthStep.THREE)
  expect(w.pages.stack).toHaveLength(1)
})

test('two that are asked for the same get one page', async () => {
  const w = asPage()
  const calls = [w.ask(), w.ask()]
  await settled()
  expect(w.pages.went).toHaveLength(1)
  await complete(w)
  expect(await Promise.all(calls)).toEqual([AuthStep.TWO, AuthStep.TWO])
})

test('an auth page that is gone without a word holds nobody up', async () => {
  const w = asPage({ pages: { [authPage]: {} } })
  const first = w.ask()
  await settled()
  await w.pages.navigateBack()
  w.ask()
  expect(await outcome(first)).toEqual(code('USER_CANCELLED'))
  expect(w.pages.top.route).toBe('pages/auth/index')
})

test('who was answered there is not cancelled by the next one who asks before the page has said so', async () => {
  const w = asPage({ pages: { [authPage]: {} } })
  const first = w.ask({ need: ['PROFILE'] })
  await settled()
  await w.give('PROFILE')
  await w.pages.navigateBack()
  w.ask({ need: ['PHONE'] })
  expect(await outcome(first)).toEqual({ value: AuthStep.TWO })
  expect(w.pages.top.options?.need).toBe('PHONE')
})

test('a popup is not looked at in mode PAGE, and the options of the call win', async () => {
  const w = asPage({ pages: { '/pages/my-auth': {} } })
  const popup = new FakePopup(w, w.pages.top)
  w.ask({ authPage: 'pages/my-auth', backTo: '/pages/done' })
  await settled()
  expect(popup.opened).toEqual([])
  expect(w.pages.went).toEqual(['navigateTo /pages/my-auth?need=PROFILE&backTo=%2Fpages%2Fdone'])
})

test('the address of the auth page names a session that is not the default', () => {
  expect(authPageUrl('/a', ['PHONE'], '', 'shop')).toBe('/a?need=PHONE&session=shop')
  expect(authPageUrl('a?theme=dark', ['PHONE'], '/b')).toBe('/a?theme=dark&need=PHONE&backTo=%2Fb')
})

test('the address of a page survives a platform that decodes values', () => {
  const page = { route: '/pages/shop', options: { to: '/a?b=c&d=e#f', none: undefined } }
  expect(urlOf(page as unknown as FakePage)).toBe('/pages/shop?to=/a?b=c%26d=e%23f&none=')
  expect(urlOf(undefined)).toBe('')
  expect(urlOf({ route: 'pages/shop' })).toBe('/pages/shop')
})

test('of the facts in a query only real ones are taken', () => {
  expect(needOf('PROFILE,PHONE')).toEqual(['PROFILE', 'PHONE'])
  expect(needOf('PROFILE%2CPHONE')).toEqual(['PROFILE', 'PHONE'])
  expect(needOf('PHONE,ADDRESS,')).toEqual(['PHONE'])
  expect(needOf(undefined)).toEqual([])
})
