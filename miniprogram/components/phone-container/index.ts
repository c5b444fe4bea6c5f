import { MpAuthError } from '../../src/errors'
import { failureOf, type NativeAnswer } from '../shared/failure'
import { wordsOf } from '../shared/labels'
import { asksConsent, libraryAtLeast, needsConsent } from '../shared/native'
import { readyKey } from '../shared/session-key'

interface PhoneAnswer extends NativeAnswer {
  code?: string
  iv?: string
  encryptedData?: string
}

/** For how long a tap without an answer keeps further taps away, in ms: some versions do not report a closed sheet. */
const pendingMs = 10000
const timers = new WeakMap<object, number>()

/**
 * WeChat's phone number button around what the host puts into it. Each success costs money, so a second tap is kept
 * away from the first tap to the answer, and from there for as long as the host says that it is `busy`.
 */
Component({
  options: { styleIsolation: 'apply-shared', pureDataPattern: /^_/ },
  externalClasses: ['button-class'],
  properties: {
    /** `quick`, or `realtime`: a number checked this moment, at a higher price; where WeChat is too old, `quick`. */
    mode: { type: String, value: 'quick' },
    disabled: Boolean,
    /** The host is sending the answer to its server. */
    busy: Boolean,
    /** The host's own agreement is not ticked: a tap is reported as `needagree`, and WeChat does not ask. */
    needAgree: Boolean,
    /** Whether WeChat itself tells the person that the app's quota is used up. */
    quotaToast: { type: Boolean, value: true },
    /**
     * `couple` asks for the consent to the privacy guide along with the number, where WeChat asks for one (2.32.3);
     * `none` leaves the consent to WeChat; `auto` couples where consent is missing and the base library is known to do
     * it well (3.4.2).
     */
    privacy: { type: String, value: 'auto' },
    /** The text of the button, for those who put nothing into it. */
    label: String,
    /** Draws nothing: the button looks as what the host puts into it. */
    plain: Boolean,
    /** Whose key decrypts the number on base libraries before 2.21.2. */
    session: { type: String, value: 'default' },
    lang: String,
    /** Words in place of those that go with `fail`, by the code of the error. */
    text: Object,
  },
  data: {
    openType: 'getPhoneNumber',
    pending: false,
    /** Of the key for ciphertexts: `ready`, `waiting` for it, or `failed`. */
    keyState: 'ready',
    _legacy: false,
    _couple: false,
  },
  observers: {
    'mode, needAgree, privacy, keyState'() {
      this.choose()
    },
  },
  lifetimes: {
    attached() {
      this.setData({ _legacy: !libraryAtLeast('2.21.2') })
      this.prepare()
    },
    detached() {
      clearTimeout(timers.get(this) as number)
    },
  },
  pageLifetimes: {
    show() {
      this.prepare()
    },
  },
  methods: {
    prepare() {
      // WeChat's dialog may show the page anew: a key renewed now, or a disabled button, would lose its answer.
      if (this.data.pending || this.data.busy) return
      if (this.data._legacy) this.readyKey()
      this.readConsent()
    },

    readConsent() {
      if (this.data.privacy !== 'auto') return
      needsConsent((needed) => {
        this.setData({ _couple: needed && libraryAtLeast('3.4.2') })
        this.choose()
      })
    },

    async readyKey() {
      if (this.data.keyState === 'waiting') return
      this.setData({ keyState: 'waiting' })
      const error = await readyKey(this.data.session)
      this.setData({ keyState: error ? 'failed' : 'ready' })
      if (error) this.fail((error as MpAuthError).code)
    },

    choose() {
      const { mode, needAgree, keyState } = this.data
      const realtime = mode === 'realtime' && wx.canIUse('button.open-type.getRealtimePhoneNumber')
      const ask = realtime ? 'getRealtimePhoneNumber' : 'getPhoneNumber'
      const openType =
        needAgree || keyState !== 'ready' ? '' : this.couples() ? `${ask}|agreePrivacyAuthorization` : ask
      if (openType !== this.data.openType) this.setData({ openType })
    },

    couples(): boolean {
      const { privacy, _couple } = this.data
      return (privacy === 'couple' && asksConsent()) || (privacy === 'auto' && _couple)
    },

    onTap() {
      const { disabled, busy, needAgree, keyState } = this.data
      if (disabled || busy || keyState === 'waiting') return
      if (needAgree) this.triggerEvent('needagree')
      else if (keyState === 'failed') this.readyKey()
      else this.hold()
    },

    hold() {
      clearTimeout(timers.get(this) as number)
      timers.set(
        this,
        setTimeout(() => this.release(), pendingMs),
      )
      this.setData({ pending: true })
    },

    release() {
      clearTimeout(timers.get(this) as number)
      if (this.data.pending) this.setData({ pending: false })
    },

    onShield() {},

    onAnswer(e: { detail: PhoneAnswer }) {
      this.release()
      // The first answer is on its way to the server; there is nobody left for a second one.
      if (this.data.busy) return
      const { code, iv, encryptedData } = e.detail
      const failure = failureOf(e.detail, this.couples())
      if (failure) {
        this.fail(failure.code, failure.errno)
        // Refused or not, the next tap asks as things are then.
        if (failure.code === 'PRIVACY_DENIED') this.readConsent()
      } else if (code) this.triggerEvent('getphonenumber', { code })
      else if (iv && encryptedData) this.triggerEvent('getphonenumber', { iv, encryptedData })
      else this.fail('UNSUPPORTED')
    },

    onAgree() {
      this.setData({ _couple: false })
      this.triggerEvent('agree')
    },

    fail(code: MpAuthError['code'], errno?: number) {
      const text = wordsOf(new MpAuthError(code), this.data.lang, this.data.text)
      this.triggerEvent('fail', errno ? { code, errno, text } : { code, text })
    },
  },
})
