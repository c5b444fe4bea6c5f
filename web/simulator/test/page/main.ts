// The page in which a fixture runs. Everything that a person would decide is decided by `script`.
import bundle from 'virtual:miniprogram'
import { Phone } from '../../src/phone'
import type { Chrome, Shelf, Surroundings, WeChat } from '../../src/surroundings'
import { WeChatInTheBox } from '../../src/wechat'

/** What the scripted person answers next, and what the person was shown. */
export interface Script {
  privacy: 'agree' | 'disagree'
  phone: string | null | 'own'
  avatar: 'png' | null
  nickname: 'pass' | 'reject' | 'timeout'
  modal: boolean
  action: number | null
  pick: unknown
  seen: string[]
  chrome: Chrome | undefined
}

const script: Script = {
  privacy: 'agree',
  phone: 'own',
  avatar: 'png',
  nickname: 'pass',
  modal: true,
  action: 0,
  pick: 1,
  seen: [],
  chrome: undefined,
}

const png = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='),
  (letter) => letter.charCodeAt(0),
)

const surroundings: Surroundings = {
  askPrivacy: async ({ referrer }) => {
    script.seen.push(`privacy ${referrer}`)
    return script.privacy
  },
  openPrivacyContract: () => script.seen.push('contract'),
  askPhone: async ({ numbers, privacy }) => {
    script.seen.push(privacy ? 'phone with privacy' : 'phone')
    return script.phone === 'own' ? numbers[0]! : script.phone
  },
  tellPhoneQuota: () => script.seen.push('quota'),
  askAvatar: async () => {
    script.seen.push('avatar')
    return script.avatar && new Blob([png], { type: 'image/png' })
  },
  reviewNickname: async () => script.nickname,
  offerNickname: () => () => {},
  pick: async ({ range }) => {
    script.seen.push(`pick ${range.join()}`)
    return script.pick
  },
  showModal: async ({ title }) => {
    script.seen.push(`modal ${title}`)
    return { confirm: script.modal }
  },
  showActionSheet: async () => script.action,
  showToast: ({ title, icon }) => script.seen.push(`toast ${icon} ${title}`),
  hideToast: () => script.seen.push('no toast'),
  showChrome: (chrome) => {
    script.chrome = chrome
  },
  setClipboard: (text) => script.seen.push(`clipboard ${text}`),
  leave: (what) => script.seen.push(`leave ${what}`),
}

/** WeChat's servers when the fixture has none behind it. */
class Generations implements WeChat {
  generation = 1
  codes = 0
  defaultAppId = async () => 'wx0000000000000001'
  loginCode = async () => `code-${++this.codes}`
  phoneCode = async (_: string, __: string, number: string) => `phone-code-${number}`
  encrypt = async () => ({ encryptedData: 'sealed', iv: 'vector', rawData: '', signature: '' })
  person = async () => ({ phoneNumber: '13800138000', nickname: 'Lily', avatarUrl: '', keyGeneration: this.generation })
}

class Memory implements Shelf {
  readonly map = new Map<string, string>()
  get length() {
    return this.map.size
  }
  key = (i: number) => [...this.map.keys()][i] ?? null
  getItem = (key: string) => this.map.get(key) ?? null
  setItem = (key: string, value: string) => void this.map.set(key, value)
  removeItem = (key: string) => void this.map.delete(key)
}

const search = new URLSearchParams(location.search)
const wechat = search.has('box') ? new WeChatInTheBox('/fakewechat') : new Generations()

const phone = new Phone({
  bundle,
  screen: document.querySelector<HTMLElement>('#screen')!,
  surroundings,
  wechat,
  user: 'lily',
  shelf: new Memory(),
  resolveUrl: (url) => url.replace(/^http:\/\/(127\.0\.0\.1:\d+|server)/, location.origin),
})

const control = { phone, script, wechat }
export type Control = Omit<typeof control, 'wechat'> & { wechat: Generations }
Object.assign(window, { control })
await phone.start(search.get('start') ?? '')
document.documentElement.dataset.started = 'yes'
