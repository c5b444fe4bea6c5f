import type { Bundle } from '../bundle'
import { Phone } from '../phone'
import type { Device, Person } from '../surroundings'
import { Box } from './box'
import { Frame } from './frame'
import { peopleAround } from './person'
import { type Flow, type Library, type Platform, type State, type Trouble, writeState } from './state'
import { Story } from './story'
import type { Happened } from './happened'
import { showActionSheet } from './telling'
import { dictionaries, type Words } from './words'

/** What the server says about itself in the page. */
export interface Settings {
  apps: { id: string; flow: string }[]
}

const devices: Record<Platform, Partial<Device>> = {
  ios: { platform: 'ios', brand: 'iPhone', model: 'iPhone 15', system: 'iOS 17.5' },
  android: { platform: 'android', brand: 'Xiaomi', model: 'Mi 14', system: 'Android 14' },
  devtools: { platform: 'devtools', brand: 'devtools', model: 'iPhone 15', system: 'iOS 17.5' },
}

/** Longer than WeChat lets an app run in the background. */
const awayMs = 7000

/** For as long nobody answers while the server restarts. */
const restartMs = 5000

/** Waits for longer than the app runs in the background, or until the request is given up. */
function late(signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, 2 * awayMs)
    signal?.addEventListener('abort', () => reject(signal.reason as Error))
  })
}

const dark = matchMedia('(prefers-color-scheme: dark)')

/** The phone with everything around it that can be decided: one person, one flow, some trouble. */
export class Stage {
  readonly state: State
  readonly w: Words
  readonly frame: Frame
  readonly phone: Phone
  readonly box = new Box('/fakewechat')
  readonly #settings: Settings
  readonly #changed = new Set<() => void>()
  #person: Person | undefined
  #risky: string[] = []
  #spoilToken = false
  #holding = false
  #restarting = false

  constructor(bundle: Bundle, settings: Settings, state: State, happened: Happened) {
    this.state = state
    this.#settings = settings
    this.w = dictionaries[state.language]
    this.frame = new Frame(this.w, {
      back: () => this.phone.back(),
      home: () => this.phone.home(),
      menu: () => void this.#menu(),
      close: () => this.leave(),
      open: () => this.comeBack(),
      tapTab: (path) => this.phone.tapTab(path),
    })
    const surroundings = peopleAround(this.frame, this.w, {
      user: () => this.state.user,
      nickname: () => this.#person?.nickname ?? this.state.user,
      contract: () => this.phone.account.privacyContractName,
      troubled: (trouble) => this.state.troubles.has(trouble),
      forbidden: () => this.#risky,
    })
    const { showChrome } = surroundings
    surroundings.showChrome = (chrome) => {
      showChrome(chrome)
      this.#notePage()
    }
    this.phone = new Phone({
      bundle: this.#configured(bundle),
      screen: this.frame.screen,
      surroundings,
      wechat: this.box,
      user: state.user,
      device: { ...devices[state.platform], theme: this.theme, language: state.language === 'zh' ? 'zh_CN' : 'en' },
      account: { privacyContractName: state.language === 'zh' ? '《用户隐私保护指引》' : this.w.sheet.guide },
      // The avatars that the server keeps are at the address by which it knows itself; this page may call it another.
      resolveUrl: (url) => url.replace(/^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(?=:\d|\/)/, `http://${location.hostname}`),
      wire: (url, init) => this.#send(url, init),
    })
    const story = new Story(this.phone.trace, this.w, () => this.state.user, (line, after) => happened.show(line, after))
    this.phone.trace.subscribe(({ kind, name }) => {
      if (kind === 'answer' && (name === 'request' || name === 'uploadFile')) {
        void this.box.look((endpoint, count, fields) => story.addWeChat(endpoint, count, fields))
      }
    })
    dark.addEventListener('change', () => this.setTheme(this.state.theme))
  }

  get theme(): 'light' | 'dark' {
    return this.state.theme === 'auto' ? (dark.matches ? 'dark' : 'light') : this.state.theme
  }

  /** The flows that there is an app for. */
  get flows(): Flow[] {
    return this.#settings.apps.map((app) => app.flow as Flow)
  }

  get appId(): string {
    const { apps } = this.#settings
    return (apps.find((app) => app.flow === this.state.flow) ?? apps[0]!).id
  }

  /** Calls the listener whenever something was decided. */
  subscribe(listener: () => void) {
    this.#changed.add(listener)
  }

  /** Opens the Mini Program for the first time, on the page of the link. */
  async begin() {
    void this.box.look(() => {}) // what was asked before is not of this login
    void this.box.riskyWords().then((words) => (this.#risky = words), () => {})
    this.setTheme(this.state.theme)
    for (const trouble of this.state.troubles) this.#apply(trouble)
    const wanted = this.state.troubles.has('slow') || this.state.troubles.has('down')
    // What somebody planned by hand stays.
    if (wanted || (await this.box.hasLeftovers().catch(() => false))) await this.#applyWeChat()
    await this.open(this.state.page)
  }

  /** A cold start. */
  async open(page = '') {
    const { device } = this.phone
    this.#withdraw()
    device.appId = this.appId
    Object.assign(device, devices[this.state.platform], { SDKVersion: this.state.library })
    this.frame.showApp(true)
    this.frame.showDevice(device)
    void this.box.person(this.appId, this.state.user).then((person) => (this.#person = person), () => {})
    await this.phone.handTo(this.state.user, page)
    this.#tell()
  }

  async setUser(user: string) {
    this.state.user = user
    await this.open()
  }

  async setFlow(flow: Flow) {
    this.state.flow = flow
    await this.open()
  }

  async setPlatform(platform: Platform) {
    this.state.platform = platform
    await this.open()
  }

  async setLibrary(library: Library) {
    this.state.library = library
    await this.open()
  }

  setTheme(theme: State['theme']) {
    this.state.theme = theme
    document.documentElement.style.colorScheme = theme === 'auto' ? 'light dark' : theme
    this.phone.change({ theme: this.theme })
    this.frame.showDevice(this.phone.device)
    this.#tell()
  }

  setTrouble(trouble: Trouble, on: boolean) {
    if (on) this.state.troubles.add(trouble)
    else this.state.troubles.delete(trouble)
    this.#apply(trouble)
    if (trouble === 'slow' || trouble === 'down') void this.#applyWeChat()
    this.#tell()
  }

  /** Deletes the Mini Program from the phone, and finds it again. */
  async forget() {
    this.phone.kill()
    this.phone.forget()
    await this.open()
  }

  async rotateKey(): Promise<void> {
    const { keyGeneration } = await this.box.person(this.appId, this.state.user)
    this.phone.keyEnds(keyGeneration)
    await this.box.rotateKey(this.appId, this.state.user)
  }

  /** Makes the server refuse the access token of the next request. */
  spoilToken() {
    this.#spoilToken = true
  }

  leave() {
    this.#withdraw()
    this.phone.background()
    this.frame.showApp(false)
  }

  comeBack() {
    this.frame.showApp(true)
    this.phone.foreground()
  }

  /** Leaves long enough for WeChat to suspend the app. */
  async leaveForLong() {
    this.leave()
    await new Promise((resolve) => setTimeout(resolve, awayMs))
    this.comeBack()
  }

  /** Opens as on a first visit, on a network so slow that the login is still under way when the app is suspended. */
  async interruptLogin() {
    this.#holding = true
    try {
      await this.forget()
      await new Promise((resolve) => setTimeout(resolve, 1000))
      await this.leaveForLong()
    } finally {
      this.#holding = false
    }
  }

  /** Nobody is at the address of the server for a while, and then it is there again with everything it knew. */
  async restartServer() {
    this.#restarting = true
    await new Promise((resolve) => setTimeout(resolve, restartMs))
    this.#restarting = false
  }

  /** The address of this page as it stands. */
  link(): string {
    return location.href
  }

  #apply(trouble: Trouble) {
    const on = this.state.troubles.has(trouble)
    if (trouble === 'quota') this.phone.account.phoneQuota = !on
    if (trouble === 'offline') {
      this.phone.change({ networkType: on ? 'none' : 'wifi' })
      this.frame.showDevice(this.phone.device)
    }
  }

  #applyWeChat(): Promise<void> {
    const { troubles } = this.state
    return this.box.beTroubled({ slow: troubles.has('slow'), down: troubles.has('down') }).catch(() => {})
  }

  /** The project as a developer configures it: config.js names the server and the flow of its app. */
  #configured(bundle: Bundle): Bundle {
    const original = bundle.modules['config.js']!
    const configured: Bundle['modules'][string] = (require, module, exports, ...names) => {
      original(require, module, exports, ...names)
      module.exports = { ...(module.exports as object), server: location.origin, flow: this.state.flow.toUpperCase().split(',') }
    }
    return { ...bundle, modules: { ...bundle.modules, 'config.js': configured } }
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    if (this.#restarting || this.state.troubles.has('gone')) throw new TypeError('nobody answers')
    if (this.#holding) await late(init.signal)
    const headers = new Headers(init.headers)
    const token = headers.get('authorization')
    if (this.#spoilToken && token) {
      this.#spoilToken = false
      headers.set('authorization', `${token.slice(0, -4)}AAAA`)
    }
    return fetch(url, { ...init, headers })
  }

  /** Takes away what hangs over the page that is about to go. */
  #withdraw() {
    this.frame.sheets.clear()
    this.frame.toast.hide()
  }

  async #menu() {
    const { menu } = this.w
    const chosen = await showActionSheet(this.frame.sheets, this.w, [menu.again, menu.share])
    if (chosen === 0) await this.open()
    if (chosen === 1) this.phone.surroundings.setClipboard(this.link())
  }

  #notePage() {
    const top = this.phone.program?.navigation.top
    if (!top) return
    const query = Object.entries(top.query).map(([name, value]) => `${name}=${value}`).join('&')
    const entrance = top.path === this.phone.bundle.app.pages[0]
    this.state.page = entrance && !query ? '' : query ? `${top.path}?${query}` : top.path
    this.#tell()
  }

  #tell() {
    history.replaceState(null, '', writeState(this.state))
    for (const listener of this.#changed) listener()
  }
}
