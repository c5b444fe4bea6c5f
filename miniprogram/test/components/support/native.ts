type Listener = (resolve: (answer: { event: string; buttonId?: string }) => void, info: object) => void

/** What the components ask of `wx`, with the knobs of the tests. */
export class Native {
  library = '3.8.0'
  /** What this WeChat cannot do, by the words of `wx.canIUse`. */
  readonly missing = new Set<string>()
  consentNeeded = false
  guide = '《小店隐私保护指引》'
  /** The listener that WeChat would call: there is one only. */
  listener: Listener | null = null
  registrations = 0
  contractsOpened = 0
  consentAsked = 0
  consentGiven = true
  pageTitle = ''

  canIUse = (words: string) => !this.missing.has(words)
  getAppBaseInfo = () => ({ SDKVersion: this.library })
  getPrivacySetting = (o: { success(answer: object): void }) =>
    o.success({ needAuthorization: this.consentNeeded, privacyContractName: this.guide })
  onNeedPrivacyAuthorization = (listener: Listener) => {
    this.listener = listener
    this.registrations++
  }
  requirePrivacyAuthorize = (o: { success(): void; fail(): void }) => {
    this.consentAsked++
    if (this.consentGiven) o.success()
    else o.fail()
  }
  setNavigationBarTitle = ({ title }: { title: string }) => {
    this.pageTitle = title
  }
  openPrivacyContract = () => {
    this.contractsOpened++
  }
}

/** Puts a new `wx` in place of the one before. */
export function installNative(): Native {
  const native = new Native()
  Object.assign(globalThis, { wx: native })
  return native
}
