import type { Context } from '../runtime/context'
import { disable, fields, on, type Part, pressable, type Spec } from './define'

/** `<scroll-view>`: an element that scrolls, and says when it comes to its ends. */
export const scrollView: Spec = {
  properties: {
    scrollX: Boolean,
    scrollY: Boolean,
    scrollTop: null,
    scrollLeft: null,
    upperThreshold: { type: null, value: 50 },
    lowerThreshold: { type: null, value: 50 },
    scrollIntoView: String,
    scrollWithAnimation: Boolean,
    enableFlex: Boolean,
    enhanced: Boolean,
    showScrollbar: { type: Boolean, value: true },
    bounces: Boolean,
    type: String,
    refresherEnabled: Boolean,
    refresherTriggered: Boolean,
  },
  created(part) {
    part.host.setAttribute('tabindex', '0')
    let before = { top: 0, left: 0 }
    part.host.addEventListener('scroll', () => {
      const { scrollTop, scrollLeft, scrollHeight, scrollWidth, clientHeight, clientWidth } = part.host
      const [deltaY, deltaX] = [before.top - scrollTop, before.left - scrollLeft]
      before = { top: scrollTop, left: scrollLeft }
      part.triggerEvent('scroll', { scrollTop, scrollLeft, scrollHeight, scrollWidth, deltaX, deltaY })
      const upper = Number.parseFloat(String(part.data.upperThreshold))
      const lower = Number.parseFloat(String(part.data.lowerThreshold))
      if (deltaY > 0 && scrollTop <= upper) part.triggerEvent('scrolltoupper', { direction: 'top' })
      if (deltaX > 0 && scrollLeft <= upper) part.triggerEvent('scrolltoupper', { direction: 'left' })
      if (deltaY < 0 && scrollHeight - scrollTop - clientHeight <= lower)
        part.triggerEvent('scrolltolower', { direction: 'bottom' })
      if (deltaX < 0 && scrollWidth - scrollLeft - clientWidth <= lower)
        part.triggerEvent('scrolltolower', { direction: 'right' })
    })
  },
  changed(part, name, value) {
    if (name === 'scrollX') part.host.style.overflowX = on(value) ? 'auto' : ''
    if (name === 'scrollY') part.host.style.overflowY = on(value) ? 'auto' : ''
    if (name === 'scrollTop') part.host.scrollTop = Number.parseFloat(String(value)) || 0
    if (name === 'scrollLeft') part.host.scrollLeft = Number.parseFloat(String(value)) || 0
    if (name === 'enableFlex') part.host.toggleAttribute('enable-flex', on(value))
    if (name === 'scrollIntoView' && value) part.host.querySelector(`#${CSS.escape(String(value))}`)?.scrollIntoView()
  },
}

/** `<swiper>`: its items side by side, one of them to be seen. */
export const swiper: Spec = {
  properties: {
    current: { type: Number, value: 0 },
    indicatorDots: Boolean,
    autoplay: Boolean,
    interval: Number,
    duration: Number,
    circular: Boolean,
    vertical: Boolean,
    previousMargin: String,
    nextMargin: String,
    displayMultipleItems: Number,
  },
  created(part) {
    part.host.setAttribute('tabindex', '0')
    let shown = 0
    part.host.addEventListener('scrollend', () => {
      const { scrollLeft, scrollTop, clientWidth, clientHeight } = part.host
      const current = Math.round(on(part.data.vertical) ? scrollTop / clientHeight : scrollLeft / clientWidth)
      if (current === shown) return
      shown = current
      part.triggerEvent('change', { current, source: 'touch' })
    })
  },
  attached: (part) => void setTimeout(() => turn(part), 0),
  changed(part, name, value) {
    if (name === 'vertical') part.host.toggleAttribute('vertical', on(value))
    if (name === 'current') turn(part)
  },
}

function turn(part: Part) {
  const current = Number(part.data.current)
  part.host.scrollTo(
    on(part.data.vertical) ? { top: current * part.host.clientHeight } : { left: current * part.host.clientWidth },
  )
}

export const swiperItem: Spec = { properties: { itemId: String, skipHiddenItemLayout: Boolean } }

/** `<root-portal>`: what is in it is laid over the page; that it is on top is up to its styles. */
export const rootPortal: Spec = { properties: { enable: { type: Boolean, value: true } } }

const targets: Record<string, string> = {
  navigate: 'navigateTo',
  redirect: 'redirectTo',
  switchTab: 'switchTab',
  reLaunch: 'reLaunch',
  navigateBack: 'navigateBack',
  exit: 'exitMiniProgram',
}

/** `<navigator>`: a link to another page. */
export function navigator(program: Context): Spec {
  return {
    properties: {
      url: String,
      openType: { type: String, value: 'navigate' },
      delta: { type: Number, value: 1 },
      target: String,
    },
    created(part) {
      pressable(part, 'link')
      part.addListener('tap', () => {
        const api = program.wx[targets[String(part.data.openType)] ?? ''] as ((options: object) => void) | undefined
        api?.({
          url: part.data.url,
          delta: part.data.delta,
          success: (result: object) => part.triggerEvent('success', result),
          fail: (error: object) => part.triggerEvent('fail', error),
          complete: (result: object) => part.triggerEvent('complete', result),
        })
      })
    },
  }
}

/** `<picker>`: what is in it opens a sheet to pick from. */
export function picker(program: Context): Spec {
  return {
    properties: {
      mode: { type: String, value: 'selector' },
      range: { type: null, value: [] },
      rangeKey: String,
      value: null,
      start: String,
      end: String,
      disabled: Boolean,
      name: String,
      headerText: String,
      fields: String,
    },
    created(part) {
      pressable(part, 'button')
      fields.set(part.host, {
        name: () => String(part.data.name ?? ''),
        value: () => part.data.value,
        reset: () => part.setData({ value: null }),
      })
      part.addListener('tap', () => void pick(program, part))
    },
    changed(part, name, value) {
      if (name === 'disabled') disable(part, on(value))
    },
  }
}

async function pick(program: Context, part: Part) {
  if (on(part.data.disabled)) return
  const { mode, value, rangeKey, start, end } = part.data
  const named = (item: unknown) => String(rangeKey ? (item as Record<string, unknown>)[String(rangeKey)] : item)
  const range = ((part.data.range ?? []) as unknown[]).map(named)
  const picked = await program.surroundings.pick({
    mode: String(mode),
    value,
    range,
    start: String(start),
    end: String(end),
  })
  program.timers.deliver(() => {
    if (picked === null) return part.triggerEvent('cancel', {})
    part.setData({ value: picked })
    part.triggerEvent('change', { value: picked })
  })
}
