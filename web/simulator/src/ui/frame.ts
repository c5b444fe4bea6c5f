import type { Chrome, Device, Tab } from '../surroundings'
import { button, h, icon } from './dom'
import { Sheets } from './sheet'
import { ToastBox } from './telling'
import type { Words } from './words'

/** What a person does with the bars around a page. */
export interface Hands {
  back(): void
  home(): void
  menu(): void
  close(): void
  open(): void
  tapTab(path: string): void
}

/** The device: status bar, navigation bar with WeChat's capsule, the screen, the tab bar, and the desk behind. */
export class Frame {
  readonly element: HTMLElement
  /** Where the Mini Program draws its pages. */
  readonly screen = h('div', { class: 'screen' })
  readonly sheets: Sheets
  readonly toast = new ToastBox()
  readonly #w: Words
  readonly #hands: Hands
  readonly #clock = h('span', {})
  readonly #network = h('span', { class: 'network' })
  readonly #title = h('h2', { class: 'title' })
  readonly #left = h('div', { class: 'left' })
  readonly #navigation: HTMLElement
  readonly #status: HTMLElement
  readonly #tabs: HTMLElement
  readonly #nickname = h('div', { class: 'nickname', hidden: true })
  readonly #app: HTMLElement
  readonly #desk: HTMLElement

  constructor(w: Words, hands: Hands) {
    this.#w = w
    this.#hands = hands
    this.#status = h(
      'div',
      { class: 'status', 'aria-hidden': 'true' },
      this.#clock,
      h('span', { class: 'island' }),
      h('span', { class: 'right' }, this.#network, h('span', { class: 'battery' })),
    )
    this.#navigation = h(
      'header',
      { class: 'navigation' },
      this.#left,
      this.#title,
      h(
        'div',
        { class: 'capsule' },
        button('•••', () => hands.menu(), { 'aria-label': w.bar.menu }),
        button('◎', () => hands.close(), { 'aria-label': w.bar.close }),
      ),
    )
    this.#tabs = h('nav', { class: 'tabs', 'aria-label': w.bar.tabs })
    this.#app = h('div', { class: 'app' }, this.#navigation, this.screen, this.#tabs, this.#nickname)
    this.#desk = this.#makeDesk()
    this.sheets = new Sheets([this.#app])
    const glass = h('div', { class: 'glass' }, this.#status, this.#app, this.#desk, this.sheets.layer, this.toast.element, h('div', { class: 'homebar', 'aria-hidden': 'true' }))
    this.element = h('section', { class: 'phone', id: 'phone', tabIndex: -1, 'aria-label': w.phone }, glass)
    this.tick()
    setInterval(() => this.tick(), 10_000)
  }

  tick() {
    const now = new Date()
    this.#clock.textContent = `${now.getHours()}:${String(now.getMinutes()).padStart(2, '0')}`
  }

  showDevice(device: Device) {
    this.element.dataset.platform = device.platform
    this.element.dataset.theme = device.theme
    this.#network.replaceChildren(icon(device.networkType === 'none' ? 'none' : 'signal'), device.networkType === 'none' ? '' : icon('wifi'))
  }

  /** Shows the app, or what a phone shows when the app is in the background. */
  showApp(front: boolean) {
    this.#app.hidden = !front
    this.#desk.hidden = front
    this.#status.classList.toggle('over', !front)
  }

  showChrome(chrome: Chrome) {
    const dark = chrome.textStyle === 'white'
    this.#title.textContent = chrome.title
    this.#navigation.setAttribute('aria-busy', String(chrome.loading))
    this.#app.classList.toggle('custom', chrome.custom)
    this.#paint(chrome, dark)
    // Kept when nothing changed: the focus may be on one of them.
    const wanted = chrome.canGoBack ? 'back' : chrome.home ? 'home' : ''
    if (this.#left.dataset.way !== wanted) {
      this.#left.dataset.way = wanted
      this.#left.replaceChildren(...(wanted ? [this.#way(wanted)] : []))
    }
    this.#tabs.hidden = !chrome.showTabs
    this.#showTabs(chrome.tabs)
  }

  /** A bar at the bottom that offers to type the nickname that the person has in WeChat. Returns what takes it away. */
  offerNickname(nickname: string, accept: () => void): () => void {
    const offer = button('', accept, { on: { pointerdown: (event: Event) => event.preventDefault() } })
    offer.append(h('small', {}, this.#w.sheet.nickname), h('strong', {}, nickname))
    this.#nickname.replaceChildren(offer)
    this.#nickname.hidden = false
    const hide = () => {
      if (offer.isConnected) this.#nickname.hidden = true
    }
    // What is being pressed must not move away below the finger: the page gets its room back afterwards.
    return () => (this.element.matches(':active') ? addEventListener('pointerup', () => setTimeout(hide), { once: true }) : hide())
  }

  #way(way: 'back' | 'home'): HTMLElement {
    const press = button('', () => this.#hands[way](), { 'aria-label': this.#w.bar[way] })
    press.append(icon(way))
    return press
  }

  #paint(chrome: Chrome, dark: boolean) {
    for (const bar of [this.#navigation, this.#status]) {
      bar.style.background = chrome.background || (dark ? '#000' : '#fff')
      bar.style.color = dark ? '#fff' : '#000'
    }
    this.#navigation.classList.toggle('dark', dark)
    this.#tabs.style.setProperty('--tab', chrome.tabColor || '#7a7e83')
    this.#tabs.style.setProperty('--tab-on', chrome.tabSelectedColor || '#07c160')
    this.#tabs.style.background = chrome.tabBackground
  }

  #showTabs(tabs: Tab[]): void {
    const made = [...this.#tabs.children] as HTMLElement[]
    if (made.length !== tabs.length) {
      this.#tabs.replaceChildren(
        ...tabs.map(({ path }) =>
          h('button', { type: 'button', on: { click: () => this.#hands.tapTab(path) } }, h('img', { alt: '' }), h('span', {}), h('b', { class: 'badge' })),
        ),
      )
      return this.#showTabs(tabs)
    }
    for (const [i, tab] of tabs.entries()) {
      const [image, text, badge] = made[i]!.children as unknown as [HTMLImageElement, HTMLElement, HTMLElement]
      const source = (tab.selected ? tab.selectedIcon : undefined) ?? tab.icon
      image.hidden = !source
      if (source && image.getAttribute('src') !== source) image.src = source
      text.textContent = tab.text
      badge.textContent = tab.badge ?? ''
      badge.classList.toggle('dot', tab.dot === true && !tab.badge)
      if (tab.selected) made[i]!.setAttribute('aria-current', 'page')
      else made[i]!.removeAttribute('aria-current')
    }
  }

  #makeDesk(): HTMLElement {
    const open = button('', () => this.#hands.open(), { class: 'launcher', 'aria-label': this.#w.desk.open })
    open.append(h('span', { class: 'logo', 'aria-hidden': 'true' }, 'm'), h('span', { 'aria-hidden': 'true' }, 'mpauth'))
    return h('div', { class: 'desk', hidden: true }, h('h2', {}, this.#w.desk.title), open, h('p', { role: 'status' }, this.#w.desk.gone))
  }
}
