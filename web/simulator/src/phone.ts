import type { Bundle } from './bundle'
import type { Host, Launch } from './runtime/context'
import { type Navigation, parseAddress } from './runtime/navigation'
import { Program } from './runtime/program'
import { type Account, type Chrome, type Device, defaultAccount, defaultDevice, type Shelf, type Surroundings, type WeChat } from './surroundings'
import { Trace } from './trace'

export interface PhoneOptions {
  bundle: Bundle
  /** Where pages are shown. Its size is the size of the window that the program is told. */
  screen: HTMLElement
  surroundings: Surroundings
  wechat: WeChat
  /** Who holds the phone, as the WeChat in the box calls the person. */
  user: string
  device?: Partial<Device>
  account?: Partial<Account>
  /** Where storage lies; the browser's own when absent. */
  shelf?: Shelf
  /** Where a request goes that the program sends to `url`, as the hosts file of a computer decides it. */
  resolveUrl?: (url: string) => string
  /** Sends a request to the network; `fetch` when absent. It may fail as a network does. */
  wire?: (url: string, init: RequestInit) => Promise<Response>
}

/** A phone with one Mini Program: what a person and the world can do to it. */
export class Phone implements Host {
  readonly bundle: Bundle
  readonly screen: HTMLElement
  readonly surroundings: Surroundings
  readonly wechat: WeChat
  readonly device: Device
  readonly account: Account
  readonly shelf: Shelf
  readonly trace = new Trace()
  readonly resolveUrl: (url: string) => string
  readonly wire: (url: string, init: RequestInit) => Promise<Response>
  readonly sessions = new Map<string, { atCode: number; seen?: number }>()
  #user: string
  #program: Program | undefined

  constructor(options: PhoneOptions) {
    this.bundle = options.bundle
    this.screen = options.screen
    this.surroundings = options.surroundings
    this.wechat = options.wechat
    this.device = { ...defaultDevice(), ...options.device }
    this.account = { ...defaultAccount(), ...options.account }
    this.shelf = options.shelf ?? localStorage
    this.resolveUrl = options.resolveUrl ?? ((url) => url)
    this.wire = options.wire ?? ((url, init) => fetch(url, init))
    this.#user = options.user
    this.screen.classList.add('wx-screen')
    // Lengths of the screen and fixed positions are relative to this element.
    Object.assign(this.screen.style, { containerType: 'size', contain: 'strict', position: 'relative' })
    let width = this.screen.clientWidth
    new ResizeObserver(() => {
      if (this.screen.clientWidth !== width) this.#program?.navigation.top?.resize()
      width = this.screen.clientWidth
    }).observe(this.screen)
  }

  get user(): string {
    return this.#user
  }

  get program(): Program | undefined {
    return this.#program
  }

  /** Starts the program cold, killing the one that runs. The AppID is that of the project, or the only one there is. */
  async start(url = '', scene = 1001): Promise<void> {
    this.device.appId ||= (await this.wechat.defaultAppId()) || this.bundle.appId
    this.kill()
    this.#program = new Program(this, this.#launch(url, scene))
    this.#program.start()
  }

  /** Kills the program, as WeChat does when memory is short or somebody swipes it away. */
  kill() {
    this.#program?.end()
    this.#program = undefined
    this.surroundings.hideToast()
  }

  /** Gives the phone to somebody else, whose storage is another one. */
  async handTo(user: string, url = ''): Promise<void> {
    this.kill()
    this.#user = user
    await this.start(url)
  }

  /**
   * Tells that WeChat is about to make another session key: whoever has logged in has the one of this generation, be it
   * that WeChat made it for that login or that it gave the one before again.
   */
  keyEnds(generation: number) {
    const session = this.sessions.get(`${this.device.appId}:${this.#user}`)
    if (session && generation > 0) session.seen = generation
  }

  background() {
    this.#program?.toBackground()
  }

  /** Brings the program back to the front; with an address, as a share card or a scan does. */
  foreground(url?: string, scene = 1007) {
    const program = this.#program
    if (!program) return
    if (url === undefined) return program.toForeground()
    const launch = this.#launch(url, scene)
    program.toForeground(launch)
    this.#navigate((n) => n.reLaunch(`/${url.replace(/^\//, '')}`))
  }

  /** The person taps the arrow, or presses the back key. */
  back() {
    this.#navigate((n) => n.navigateBack(1))
  }

  /** The person taps the little house. */
  home() {
    this.#navigate((n) => n.reLaunch(`/${this.bundle.app.pages[0]}`))
  }

  /** The person taps a tab. */
  tapTab(path: string) {
    const index = this.bundle.app.tabBar?.list.findIndex((tab) => tab.pagePath === path) ?? -1
    this.#navigate((n) => {
      const page = n.switchTab(`/${path}`)
      page.call('onTabItemTap', { index, pagePath: path, text: this.bundle.app.tabBar?.list[index]?.text ?? '' })
    })
  }

  pullDown() {
    this.#program?.navigation.top?.call('onPullDownRefresh')
  }

  /** Changes the network, or any other quality of the phone. */
  change(qualities: Partial<Device>) {
    const before = { ...this.device }
    Object.assign(this.device, qualities)
    const program = this.#program
    if (!program) return
    if (before.networkType !== this.device.networkType) {
      const isConnected = this.device.networkType !== 'none'
      program.emit('networkStatusChange', { isConnected, networkType: this.device.networkType })
      if (!isConnected) program.emit('offline', {})
    }
    if (before.theme !== this.device.theme) {
      program.themeChanged()
      this.refreshChrome()
    }
  }

  /** Forgets what this person stored, and the consent, as deleting the Mini Program from the phone does. */
  forget() {
    const prefix = this.storagePrefix()
    const names = Array.from({ length: this.shelf.length }, (_, i) => this.shelf.key(i) ?? '')
    for (const name of names) if (name.startsWith(prefix)) this.shelf.removeItem(name)
  }

  storagePrefix(): string {
    return `miniprogram:${this.device.appId}:${this.#user}:`
  }

  refreshChrome() {
    const top = this.#program?.navigation.top
    if (top) this.surroundings.showChrome(this.#chrome())
  }

  #chrome(): Chrome {
    const { app, assets } = this.bundle
    const themed = (value: string | undefined) => this.#themed(value)
    const { stack } = this.#program!.navigation
    const { window, path, loadingBar } = this.#program!.navigation.top!
    const asset = (icon: string | undefined) => (icon ? assets[`/${this.#themed(icon).replace(/^\//, '')}`] : undefined)
    const tabs = app.tabBar?.list ?? []
    const isTab = tabs.some((tab) => tab.pagePath === path)
    return {
      title: window.navigationBarTitleText ?? '',
      background: themed(window.navigationBarBackgroundColor),
      textStyle: themed(window.navigationBarTextStyle) === 'black' ? 'black' : 'white',
      custom: window.navigationStyle === 'custom',
      canGoBack: stack.length > 1,
      home: stack.length === 1 && !isTab && path !== app.pages[0],
      loading: loadingBar,
      tabs: tabs.map((tab) => {
        const [icon, selectedIcon] = [asset(tab.iconPath), asset(tab.selectedIconPath)]
        const marks = this.#program!.tabMarks.get(tab.pagePath)
        return {
          path: tab.pagePath,
          text: tab.text,
          selected: tab.pagePath === path,
          ...(icon && { icon }),
          ...(selectedIcon && { selectedIcon }),
          ...marks,
        }
      }),
      showTabs: isTab,
      tabColor: themed(app.tabBar?.color),
      tabSelectedColor: themed(app.tabBar?.selectedColor),
      tabBackground: themed(app.tabBar?.backgroundColor),
    }
  }

  /** A value of app.json that theme.json may give by name. */
  #themed(value: string | undefined): string {
    return value?.startsWith('@') ? (this.bundle.themes[this.device.theme]?.[value.slice(1)] ?? '') : (value ?? '')
  }

  #launch(url: string, scene: number): Launch {
    const address = url ? parseAddress(`/${url.replace(/^\//, '')}`, '') : { path: this.bundle.app.pages[0]!, query: {} }
    return { ...address, scene, referrerInfo: {} }
  }

  #navigate(go: (navigation: Navigation) => void) {
    const program = this.#program
    if (program) program.guard('navigation', () => go(program.navigation))
  }
}
