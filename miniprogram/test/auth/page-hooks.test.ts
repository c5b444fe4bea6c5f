import { expect, test, vi } from 'vitest'
import { createGuards, type GuardOptions } from '../../src/auth/guards'
import { AuthDisplayMode, type Session } from '../../src/session/types'
import { settled } from '../support/fake-clock'
import type { PageLiteral } from '../support/fake-pages'
import { FakePopup, type World, type WorldOptions, world } from './world'

const authPage = '/pages/auth/index'

/** A Mini Program whose `/pages/order` has guarded hooks; `ran` is what they did. */
function app(hooks: { onLoad?: GuardOptions; onShow?: GuardOptions }, options: WorldOptions = {}) {
  const ran: unknown[] = []
  let session: Session
  const { authPage: guardPage } = createGuards(() => session)
  const order: PageLiteral = guardPage(
    {
      title: 'order',
      onLoad(query) {
        ran.push(['onLoad', this.title, query])
      },
      onShow() {
        ran.push(['onShow', this.title])
      },
      onHide() {
        ran.push(['onHide', this.title])
      },
    } as PageLiteral,
    hooks,
  )
  const w = world({ authPage, mode: AuthDisplayMode.PAGE, ...options, pages: { '/pages/order': order } })
  session = w.session
  return { ...w, ran }
}

const complete = ({ pages, give }: World) => (pages.top.complete as (by: World['give']) => Promise<void>)(give)
const route = (w: World) => w.pages.stack.map((page) => page.route)

test('a landing page is loaded, with its query, once the person has answered', async () => {
  const w = app({ onLoad: {} }, { landing: '' })
  w.pages.push('/pages/order', 'id=7&q=a%20b')
  await settled()
  expect(w.pages.top.options?.backTo).toBe(encodeURIComponent('/pages/order?id=7&q=a%20b'))
  w.ran.length = 0
  await complete(w)
  await settled()
  expect(route(w)).toEqual(['pages/order'])
  expect(w.ran).toContainEqual(['onLoad', 'order', { id: '7', q: 'a%20b' }])
})

test('the address of a landing page is known before the platform has given it to the page', async () => {
  const w = app({ onLoad: {} }, { landing: '' })
  const page = w.pages.push('/pages/order', 'id=7')
  Object.assign(page, { options: undefined })
  await settled()
  expect(w.pages.top.options?.backTo).toBe(encodeURIComponent('/pages/order?id=7'))
})

test('whoever has given what is needed sees the page as it was written', async () => {
  const w = app({ onLoad: {}, onShow: {} }, { given: ['PROFILE'] })
  w.pages.push('/pages/order', 'id=7')
  await settled()
  expect(w.ran).toEqual([
    ['onLoad', 'order', { id: '7' }],
    ['onShow', 'order'],
  ])
  expect(w.pages.went).toEqual([])
})

test('a page that was replaced meanwhile does not go on: its successor does', async () => {
  const w = app({ onLoad: {} }, { landing: '/pages/home' })
  for (let i = 1; i < 9; i++) w.pages.push('/pages/list')
  w.pages.push('/pages/order', 'id=7')
  await settled()
  expect(route(w)).toHaveLength(10)
  await complete(w)
  await settled()
  expect(w.ran.filter((line) => (line as string[])[0] === 'onLoad')).toEqual([['onLoad', 'order', { id: '7' }]])
})

test('coming back from being asked is no new onShow: it runs once', async () => {
  const w = app({ onShow: {} }, { landing: '/pages/home' })
  w.pages.push('/pages/order')
  await settled()
  await complete(w)
  await settled()
  expect(w.ran.filter((line) => (line as string[])[0] === 'onShow')).toEqual([['onShow', 'order']])
})

test('a person who declines is not asked again at once, but at the next visit', async () => {
  const w = app({ onShow: {} }, { landing: '/pages/home' })
  w.pages.push('/pages/order')
  await settled()
  await w.pages.navigateBack()
  await settled()
  expect(route(w)).toEqual(['pages/home', 'pages/order'])
  await w.pages.navigate('navigateTo', '/pages/list')
  await w.pages.navigateBack()
  await settled()
  expect(route(w)).toEqual(['pages/home', 'pages/order', 'pages/auth/index'])
  expect(w.ran.map((line) => (line as string[])[0])).toEqual(['onLoad', 'onHide', 'onHide', 'onHide'])
})

test('a popup that was closed asks again at the next visit too', async () => {
  const w = app({ onShow: {} }, { landing: '/pages/home', mode: AuthDisplayMode.POPUP })
  const popup = new FakePopup(w, w.pages.push('/pages/order'))
  await settled()
  popup.close()
  await settled()
  await w.pages.navigate('navigateTo', '/pages/list')
  await w.pages.navigateBack()
  await settled()
  expect(popup.opened).toHaveLength(2)
})

test('a page without the hook itself is held up all the same, and the literal stays as it is', async () => {
  const { session, pages } = world({ authPage, mode: AuthDisplayMode.PAGE })
  const literal = { data: 1 }
  const page: PageLiteral = createGuards(session).authPage(literal, { onLoad: {} })
  expect(literal).toEqual({ data: 1 })
  const onLoad = vi.spyOn(page, 'onLoad')
  Object.assign(pages.top, page).onLoad?.({})
  await settled()
  expect(onLoad).toHaveBeenCalledOnce()
  expect(pages.top.route).toBe('pages/auth/index')
})
