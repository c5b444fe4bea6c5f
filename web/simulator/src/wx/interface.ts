import type { Context, TabMark } from '../runtime/context'
import { EventChannel } from '../runtime/channel'
import { NavigationError, type Navigation } from '../runtime/navigation'
import { asynchronous, type Options, WxError } from './api'

const defaultToastMs = 1500

export function interfaceApis(program: Context): Record<string, unknown> {
  return { ...navigationApis(program), ...feedbackApis(program), ...barApis(program) }
}

function navigationApis(program: Context): Record<string, unknown> {
  const go = (name: string, run: (navigation: Navigation, options: Options) => object | void) =>
    asynchronous(program, name, (options) => {
      try {
        return run(program.navigation, options)
      } catch (error) {
        throw error instanceof NavigationError ? new WxError(error.message) : error
      }
    })
  return {
    navigateTo: go('navigateTo', (n, { url, events }) => {
      const [eventChannel, opener] = EventChannel.pair((what, run) => program.guard(what, run), events)
      n.navigateTo(url, opener)
      return { eventChannel }
    }),
    redirectTo: go('redirectTo', (n, { url }) => void n.redirectTo(url)),
    reLaunch: go('reLaunch', (n, { url }) => void n.reLaunch(url)),
    switchTab: go('switchTab', (n, { url }) => void n.switchTab(url)),
    navigateBack: go('navigateBack', (n, { delta }) => n.navigateBack(delta)),
    exitMiniProgram: asynchronous(program, 'exitMiniProgram', () => program.toBackground()),
    navigateToMiniProgram: asynchronous(program, 'navigateToMiniProgram', ({ appId }) =>
      program.surroundings.leave(`Mini Program ${String(appId)}`),
    ),
    makePhoneCall: asynchronous(program, 'makePhoneCall', () => program.surroundings.leave('phone')),
  }
}

function feedbackApis(program: Context): Record<string, unknown> {
  const { surroundings } = program
  let hiding: number | undefined
  const show = (title: unknown, icon: string, mask: unknown) => {
    program.timers.clear(hiding)
    surroundings.showToast({ title: text(title), icon: icon as 'success', mask: mask === true })
  }
  const hide = () => {
    program.timers.clear(hiding)
    surroundings.hideToast()
  }
  return {
    showToast: asynchronous(program, 'showToast', ({ title, icon, image, mask, duration }) => {
      show(title, image ? 'none' : typeof icon === 'string' ? icon : 'success', mask)
      hiding = program.timers.setTimeout(hide, typeof duration === 'number' ? duration : defaultToastMs)
    }),
    hideToast: asynchronous(program, 'hideToast', hide),
    showLoading: asynchronous(program, 'showLoading', ({ title, mask }) => show(title, 'loading', mask)),
    hideLoading: asynchronous(program, 'hideLoading', hide),
    showModal: asynchronous(program, 'showModal', async (o) => {
      const { confirm, content } = await surroundings.showModal({
        title: text(o.title),
        content: text(o.content),
        showCancel: o.showCancel !== false,
        cancelText: text(o.cancelText) || '取消',
        confirmText: text(o.confirmText) || '确定',
        editable: o.editable === true,
        placeholderText: text(o.placeholderText),
      })
      return { confirm, cancel: !confirm, content: content ?? null }
    }),
    showActionSheet: asynchronous(program, 'showActionSheet', async ({ itemList, alertText }) => {
      const index = await surroundings.showActionSheet({
        items: ((itemList ?? []) as unknown[]).map(text),
        alertText: text(alertText),
      })
      if (index === null) throw new WxError('cancel')
      return { tapIndex: index }
    }),
    startPullDownRefresh: asynchronous(program, 'startPullDownRefresh', () => program.phone.pullDown()),
    stopPullDownRefresh: asynchronous(program, 'stopPullDownRefresh', () => undefined),
    vibrateShort: asynchronous(program, 'vibrateShort', () => undefined),
    pageScrollTo: asynchronous(program, 'pageScrollTo', ({ scrollTop }) => {
      program.navigation.top?.element.scrollTo({ top: Number(scrollTop) || 0 })
    }),
  }
}

function barApis(program: Context): Record<string, unknown> {
  const change = (name: string, run: (options: Options) => void) =>
    asynchronous(program, name, (options) => {
      run(options)
      program.phone.refreshChrome()
    })
  const top = () => {
    const page = program.navigation.top
    if (!page) throw new WxError('page is not found')
    return page
  }
  const mark = (index: unknown, change: TabMark) => {
    const tab = program.bundle.app.tabBar?.list[Number(index)]
    if (!tab) throw new WxError('tabbar item not found')
    if (!program.navigation.isTab(top().path)) throw new WxError('not TabBar page')
    program.tabMarks.set(tab.pagePath, { ...program.tabMarks.get(tab.pagePath), ...change })
  }
  return {
    setNavigationBarTitle: change('setNavigationBarTitle', ({ title }) => {
      top().window.navigationBarTitleText = text(title)
    }),
    setNavigationBarColor: change('setNavigationBarColor', ({ frontColor, backgroundColor }) => {
      const { window } = top()
      window.navigationBarTextStyle = frontColor === '#000000' ? 'black' : 'white'
      window.navigationBarBackgroundColor = text(backgroundColor)
    }),
    showNavigationBarLoading: change('showNavigationBarLoading', () => {
      top().loadingBar = true
    }),
    hideNavigationBarLoading: change('hideNavigationBarLoading', () => {
      top().loadingBar = false
    }),
    hideHomeButton: change('hideHomeButton', () => {}),
    setTabBarBadge: change('setTabBarBadge', ({ index, text: badge }) => mark(index, { badge: text(badge) })),
    removeTabBarBadge: change('removeTabBarBadge', ({ index }) => mark(index, { badge: '' })),
    showTabBarRedDot: change('showTabBarRedDot', ({ index }) => mark(index, { dot: true })),
    hideTabBarRedDot: change('hideTabBarRedDot', ({ index }) => mark(index, { dot: false })),
    setTabBarItem: change('setTabBarItem', ({ index, text: label }) => mark(index, { text: text(label) })),
    setBackgroundColor: change('setBackgroundColor', () => {}),
    showShareMenu: change('showShareMenu', () => {}),
    hideShareMenu: change('hideShareMenu', () => {}),
  }
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}
