// What is around a Mini Program and not part of it: the phone, WeChat's own sheets, and the person.

/** The phone and its WeChat, as they are now. Whoever owns the object may change it while the program runs. */
export interface Device {
  /** Decides the words of errors and of paths; `devtools` is WeChat's own simulator. */
  platform: 'ios' | 'android' | 'devtools'
  brand: string
  model: string
  system: string
  /** Of WeChat. */
  version: string
  /** Of the base library. */
  SDKVersion: string
  language: string
  theme: 'light' | 'dark'
  fontSizeSetting: number
  envVersion: 'develop' | 'trial' | 'release'
  /** Of the Mini Program when it is released. */
  programVersion: string
  /** Empty: the one of the project, or else that of the WeChat in the box. */
  appId: string
  networkType: 'wifi' | '5g' | '4g' | '3g' | '2g' | 'unknown' | 'none'
  /** Milliseconds that each request takes longer. */
  latency: number
  statusBarHeight: number
}

/** What WeChat knows about the account of the Mini Program. */
export interface Account {
  /** The kinds of personal data that the privacy guide declares: `phoneNumber`, `userInfo`, `clipboard`. */
  declared: Set<string>
  privacyContractName: string
  /** Whether the privacy APIs of the account are banned (errno 1025). */
  privacyBanned: boolean
  /** Whether the account may ask for phone numbers at all. */
  mayAskPhone: boolean
  /** Whether there is anything left of the prepaid phone numbers. */
  phoneQuota: boolean
  /** Whether this person may not be asked for a phone number (errno 1421102). */
  phoneBlocked: boolean
  /** WeChat refuses the login (errno 1402101). */
  loginBlocked: boolean
}

/** What shows above and below the page. */
export interface Chrome {
  title: string
  background: string
  textStyle: 'black' | 'white'
  /** The page draws its own bar. */
  custom: boolean
  canGoBack: boolean
  /** Whether a way home is offered, because the page at the bottom is not the entrance. */
  home: boolean
  loading: boolean
  tabs: Tab[]
  /** Whether the tabs are to be seen on this page. */
  showTabs: boolean
  tabColor: string
  tabSelectedColor: string
  tabBackground: string
}

export interface Tab {
  path: string
  text: string
  icon?: string
  selectedIcon?: string
  selected: boolean
  badge?: string
  dot?: boolean
}

export interface Modal {
  title: string
  content: string
  showCancel: boolean
  cancelText: string
  confirmText: string
  editable: boolean
  placeholderText: string
}

export interface Toast {
  title: string
  icon: 'success' | 'error' | 'loading' | 'none'
  mask: boolean
}

/**
 * What a person does in the sheets of WeChat, and how the sheets look: the user interface around the phone
 * implements it, and a test does by script. Each promise settles when the person has decided.
 */
export interface Surroundings {
  /** Consent to the privacy guide. `referrer` is the API that asked. */
  askPrivacy(question: { contract: string; referrer: string }): Promise<'agree' | 'disagree'>
  /** Shows the privacy guide. */
  openPrivacyContract(contract: string): void
  /**
   * Which of the person's phone numbers the program gets; null for a refusal. With `privacy` the sheet asks
   * for consent to the privacy guide too.
   */
  askPhone(question: { realtime: boolean; numbers: string[]; privacy: boolean }): Promise<string | null>
  /** Says that the phone number cannot be had because the program has used up its quota. */
  tellPhoneQuota(): void
  /** A picture, or null when the person closes the sheet. */
  askAvatar(): Promise<Blob | null>
  /** WeChat's check of a nickname that was typed. */
  reviewNickname(nickname: string): Promise<'pass' | 'reject' | 'timeout'>
  /** Offers the person's nickname above the keyboard while a nickname is typed. Returns what ends the offer. */
  offerNickname(accept: (nickname: string) => void): () => void
  /** The index or indices, the time or the date that was picked, or null for cancel. */
  pick(picker: Picker): Promise<unknown>
  showModal(modal: Modal): Promise<{ confirm: boolean; content?: string }>
  showActionSheet(sheet: { items: string[]; alertText: string }): Promise<number | null>
  showToast(toast: Toast): void
  hideToast(): void
  showChrome(chrome: Chrome): void
  /** Takes what the program puts on the clipboard. */
  setClipboard(text: string): void
  /** The program wants another one to be opened, or a call, or a scan: nothing that happens here. */
  leave(what: string): void
}

export interface Picker {
  mode: string
  value: unknown
  range: string[]
  start: string
  end: string
}

/** WeChat's servers, as far as a phone talks to them. */
export interface WeChat {
  /** The AppID to use when nobody names one. */
  defaultAppId(): Promise<string>
  loginCode(appId: string, user: string): Promise<string>
  phoneCode(appId: string, user: string, phoneNumber: string): Promise<string>
  /** What the older ways of giving data deliver: a text that only the owner of the session key reads. */
  encrypt(appId: string, user: string, kind: 'phone' | 'profile', data: Record<string, unknown>): Promise<Encrypted>
  /** Who the person is to WeChat, and how often there was a new session key. */
  person(appId: string, user: string): Promise<Person>
}

export interface Encrypted {
  encryptedData: string
  iv: string
  rawData: string
  signature: string
}

export interface Person {
  phoneNumber: string
  nickname: string
  avatarUrl: string
  keyGeneration: number
}

/** Where the storage of Mini Programs lies. `window.localStorage` is one. */
export interface Shelf {
  readonly length: number
  key(index: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** A phone without peculiarities. */
export function defaultDevice(): Device {
  return {
    platform: 'ios',
    brand: 'iPhone',
    model: 'iPhone 15',
    system: 'iOS 17.5',
    version: '8.0.50',
    SDKVersion: '3.17.0',
    language: 'zh_CN',
    theme: 'light',
    fontSizeSetting: 16,
    envVersion: 'develop',
    programVersion: '',
    appId: '',
    networkType: 'wifi',
    latency: 0,
    statusBarHeight: 44,
  }
}

/** An account to which nothing is forbidden. */
export function defaultAccount(): Account {
  return {
    declared: new Set(['phoneNumber', 'userInfo', 'clipboard']),
    privacyContractName: '《用户隐私保护指引》',
    privacyBanned: false,
    mayAskPhone: true,
    phoneQuota: true,
    phoneBlocked: false,
    loginBlocked: false,
  }
}
