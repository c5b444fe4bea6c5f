import { type Labels, labelsOf } from '../shared/labels'
import { needsConsent } from '../shared/native'

type Resolve = (answer: { event: string; buttonId?: string }) => void

/** WeChat's word for a popup of one's own: it is called whenever something needs the consent that is not there. */
interface Asker {
  ask(resolve: Resolve): void
}

/** WeChat takes the id of the button that was tapped, to see that it was. */
const buttonId = 'mpauth-agree'

/**
 * The popups with `auto` whose page is shown, the last to come last. WeChat knows one listener only, the last
 * registered, so a popup that goes hands over to the one before it.
 */
const askers: Asker[] = []

/** The calls that wait for an answer, by popup. */
const waiting = new WeakMap<object, Resolve[]>()

function listen(): void {
  if (!wx.onNeedPrivacyAuthorization) return
  const listener = (resolve: Resolve) => {
    const top = askers[askers.length - 1]
    if (top) return top.ask(resolve)
    // A listener cannot be taken back. With nobody here to show anything the call fails, as after a refusal.
    console.warn('privacy-popup: this page has none, so what asks for private data here is refused')
    resolve({ event: 'disagree' })
  }
  // The typings take the argument, which is to be called, for a result.
  wx.onNeedPrivacyAuthorization(listener as unknown as Parameters<typeof wx.onNeedPrivacyAuthorization>[0])
}

function enter(asker: Asker): void {
  remove(asker)
  askers.push(asker)
  listen()
}

function remove(asker: Asker): void {
  const at = askers.indexOf(asker)
  if (at >= 0) askers.splice(at, 1)
}

/**
 * Asks for the consent to the privacy guide, in the app's own look. With `auto` it appears whenever WeChat needs the
 * consent while its page is shown; then every page that touches private data needs one, since WeChat's own sheet does
 * not come back. Without `auto` it registers nothing, and appears when `open` is called.
 */
Component({
  options: { styleIsolation: 'apply-shared' },
  externalClasses: ['popup-class', 'overlay-class', 'button-class'],
  properties: {
    auto: Boolean,
    zIndex: { type: Number, value: 1100 },
    lang: String,
    text: Object,
  },
  data: {
    t: {} as Partial<Labels>,
    shown: false,
    about: '',
    link: '',
    guide: '',
  },
  observers: {
    'lang, text, guide'() {
      this.write()
    },
    auto(auto: boolean) {
      if (waiting.has(this) && auto !== askers.includes(this as unknown as Asker)) this.register(auto)
    },
  },
  lifetimes: {
    attached() {
      waiting.set(this, [])
      this.write()
      this.register(this.data.auto)
    },
    detached() {
      this.register(false)
      this.answer({ event: 'disagree' })
      waiting.delete(this)
    },
  },
  pageLifetimes: {
    show() {
      this.register(this.data.auto)
    },
    // Under another page, or in the background, nobody would see it. A call that waits already goes on waiting.
    hide() {
      this.register(false)
    },
  },
  methods: {
    register(auto: boolean) {
      const asker = this as unknown as Asker
      if (auto) return enter(asker)
      if (!askers.includes(asker)) return
      remove(asker)
      if (askers.length > 0) listen()
    },

    /** WeChat waits with a call of the app for what the person says here. */
    ask(resolve: Resolve) {
      waiting.get(this)?.push(resolve)
      this.open()
      resolve({ event: 'exposureAuthorization' })
    },

    /** Shows the popup. */
    open() {
      this.setData({ shown: true })
      needsConsent((_, guide) => this.setData({ guide }))
    },

    write() {
      const { lang, text, guide } = this.data
      const t = labelsOf(lang, text)
      const name = guide || t.privacyName
      this.setData({ t, about: t.privacyText.replace('{name}', name), link: t.privacyContract.replace('{name}', name) })
    },

    answer(answer: { event: string; buttonId?: string }) {
      const calls = waiting.get(this)?.splice(0) ?? []
      for (const resolve of calls) resolve(answer)
      if (this.data.shown) this.setData({ shown: false })
    },

    onAgree() {
      this.answer({ event: 'agree', buttonId })
      this.triggerEvent('agree')
    },

    onDisagree() {
      this.answer({ event: 'disagree' })
      this.triggerEvent('disagree')
    },

    onGuide() {
      if (wx.openPrivacyContract) wx.openPrivacyContract({})
    },

    onNothing() {},
  },
})
