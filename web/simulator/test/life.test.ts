import { expect, test } from 'vitest'
import { useFixture, within } from './support/browser'
import { logs, until } from './support/logs'

const fixture = useFixture([/is not found|no such page|boom/])

test('a cold start shows the first page without waiting for onLaunch', async () => {
  const page = await fixture.open('?start=pages/home/index?a=1')
  expect(await until(page, /app launched/)).toEqual([
    'app launch pages/home/index {"a":"1"} 1001',
    'app show',
    'home load {"a":"1"} ready false pages 1',
    'home show',
    'home ready',
    'app launched',
  ])
  expect(await page.locator('wx-page').innerText()).toContain('home')
})

test('pages come and go in the order of WeChat', async () => {
  const page = await fixture.open()
  await until(page, /app launched/)
  await page.getByText('to detail').click()
  expect(await until(page, /detail ready/)).toEqual([
    'home hide',
    'detail load {"from":"home"} ready true pages 2',
    'detail show',
    'detail ready',
  ])
  await within(page, ({ phone }) => phone.back())
  expect(await logs(page)).toEqual(['detail unload', 'home show'])
  await within(page, ({ phone }) => phone.tapTab('pages/mine/index'))
  expect(await logs(page)).toEqual([
    'home hide',
    'mine load {} ready true pages 1',
    'mine show',
    'mine ready',
    'mine tab 1',
  ])
  await within(page, ({ phone }) => phone.tapTab('pages/home/index'))
  expect(await logs(page)).toEqual(['mine hide', 'home show', 'home tab 0'])
  await within(page, ({ phone }) => phone.program!.navigation.reLaunch('/pages/detail/index?x=%20y'))
  expect(await logs(page)).toEqual([
    'mine unload',
    'home unload',
    'detail load {"x":"%20y"} ready true pages 1',
    'detail show',
    'detail ready',
  ])
})

test('what cannot be navigated to fails in the words of WeChat', async () => {
  const page = await fixture.open()
  const go = (api: string, options: object) =>
    within(
      page,
      ({ phone }, [name, given]) =>
        (phone.program!.wx[name] as (o: object) => Promise<{ errMsg: string }>)(given)
          .catch((e: { errMsg: string }) => e)
          .then((r) => r.errMsg),
      [api, options] as const,
    )
  expect(await go('navigateTo', { url: '/pages/mine/index' })).toBe('navigateTo:fail can not navigateTo a tabbar page')
  expect(await go('redirectTo', { url: '/pages/mine/index' })).toBe('redirectTo:fail can not redirectTo a tabbar page')
  expect(await go('switchTab', { url: '/pages/detail/index' })).toBe('switchTab:fail can not switch to no-tabBar page')
  expect(await go('navigateTo', { url: 'nowhere' })).toBe('navigateTo:fail page "pages/home/nowhere" is not found')
  expect(await go('navigateTo', {})).toBe(
    'navigateTo:fail parameter error: parameter.url should be String instead of Undefined;',
  )
  expect(await go('navigateBack', {})).toBe('navigateBack:fail cannot navigate back at first page.')
  for (let i = 0; i < 9; i++) expect(await go('navigateTo', { url: '/pages/detail/index' })).toBe('navigateTo:ok')
  expect(await go('navigateTo', { url: '/pages/detail/index' })).toBe('navigateTo:fail webview count limit exceed')
  expect(await go('navigateBack', { delta: 8 })).toBe('navigateBack:ok')
  expect(await within(page, ({ phone }) => phone.program!.navigation.stack.length)).toBe(2)
})

test('a page and the one that opened it talk to each other', async () => {
  const page = await fixture.open()
  await until(page, /app launched/)
  await page.getByRole('button', { name: 'open with a line' }).click()
  expect(await until(page, /^detail hears/)).toEqual([
    'home hide',
    'detail load {"line":"1"} ready true pages 2',
    'home hears hello from detail',
    'detail show',
    'detail ready',
    'detail hears welcome 2',
  ])
  // Who was not opened by a page has nobody at the other end.
  await within(page, ({ phone }) => phone.program!.navigation.reLaunch('/pages/detail/index?line=1'))
  expect((await logs(page)).filter((line) => line.includes('hears'))).toEqual([])
})

test('a page may be made by Component, with its query as properties', async () => {
  const page = await fixture.open('?start=pages/made/index?id=4')
  expect(await until(page, /made show/)).toContain('made load 4 4 pages/made/index')
  expect(await page.locator('wx-page').innerText()).toBe('made 4')
  expect(await page.getByText('made 4').evaluate((e) => getComputedStyle(e).color)).toBe('rgb(1, 2, 3)')
})

test('the bars follow the page, its calls and the theme', async () => {
  const page = await fixture.open()
  const chrome = () => within(page, ({ script }) => script.chrome!)
  expect(await chrome()).toMatchObject({
    title: 'Fixture',
    background: '#ffffff',
    textStyle: 'black',
    canGoBack: false,
    showTabs: true,
  })
  expect((await chrome()).tabs.map((tab) => [tab.text, tab.selected])).toEqual([
    ['Home', true],
    ['Mine', false],
  ])
  expect((await chrome()).tabs[0]!.icon).toMatch(/^\/assets\/dot/)
  await within(page, ({ phone }) => phone.change({ theme: 'dark' }))
  expect((await chrome()).background).toBe('#191919')
  expect(await page.locator('wx-page').evaluate((e) => getComputedStyle(e).backgroundColor)).toBe('rgb(17, 17, 17)')
  expect(await logs(page)).toContain('theme dark')
  await within(page, ({ phone }) => (phone.program!.wx.setTabBarBadge as (o: object) => void)({ index: 1, text: '3' }))
  expect((await chrome()).tabs[1]).toMatchObject({ badge: '3' })
  await page.getByText('to detail').click()
  expect(await chrome()).toMatchObject({ title: 'Detail', canGoBack: true, showTabs: false })
  await within(page, ({ phone }) =>
    (phone.program!.wx.setNavigationBarTitle as (o: object) => void)({ title: 'Changed' }),
  )
  expect((await chrome()).title).toBe('Changed')
})

test('in the background the program hides, and stands still after five seconds', async () => {
  const page = await fixture.open('', { clock: true })
  await page.clock.runFor(200)
  await logs(page)
  await within(page, ({ phone }) => {
    phone.background()
    const { setTimeout } = phone.program!.timers
    setTimeout(() => phone.trace.add('log', 'log', { detail: 'early' }), 4000)
    setTimeout(() => phone.trace.add('log', 'log', { detail: 'late' }), 6000)
  })
  expect(await logs(page)).toEqual(['home hide', 'app hide'])
  await page.clock.runFor(20_000)
  expect(await logs(page)).toEqual(['early'])
  await within(page, ({ phone }) => {
    const success = () => phone.trace.add('log', 'log', { detail: 'answered' })
    ;(phone.program!.wx.getNetworkType as (o: object) => void)({ success })
  })
  await page.clock.runFor(100)
  expect(await logs(page)).toEqual([])
  await within(page, ({ phone }) => phone.foreground())
  await page.clock.runFor(100)
  expect(await logs(page)).toEqual(['app show', 'home show', 'answered', 'late'])
})

test('a restart begins from nothing, and somebody else has another storage', async () => {
  const page = await fixture.open()
  await within(page, ({ phone }) =>
    (phone.program!.wx.setStorageSync as (k: string, v: unknown) => void)('k', { a: [1] }),
  )
  const read = () => within(page, ({ phone }) => (phone.program!.wx.getStorageSync as (k: string) => unknown)('k'))
  await within(page, ({ phone }) => phone.start())
  expect(await read()).toEqual({ a: [1] })
  expect(await until(page, /app launched/)).toContain('home load {} ready false pages 1')
  await within(page, ({ phone }) => phone.handTo('tom'))
  expect(await read()).toBe('')
  await within(page, ({ phone }) => phone.handTo('lily'))
  expect(await read()).toEqual({ a: [1] })
  await within(page, ({ phone }) => phone.forget())
  expect(await read()).toBe('')
})

test('what the program throws is told to onError and stops nothing', async () => {
  const page = await fixture.open()
  await until(page, /app launched/)
  await within(page, ({ phone }) =>
    (phone.program!.wx.getNetworkType as (o: object) => void)({
      success: () => {
        throw new Error('boom')
      },
      complete: () => phone.trace.add('log', 'log', { detail: 'completed' }),
    }),
  )
  expect(await until(page, /completed/)).toEqual(['app error Error: boom', 'completed'])
  await page.getByRole('button', { name: 'fall', exact: true }).click()
  expect(await logs(page)).toEqual(['app error Error: boom on tap'])
  await page.getByRole('button', { name: 'fall later' }).click()
  expect(await until(page, /later/)).toEqual(['app error Error: boom later'])
  await page.getByRole('button', { name: 'forget' }).click()
  expect(await until(page, /rejection/)).toEqual(['app rejection nobody cares: boom'])
})
