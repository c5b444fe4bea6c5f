import { MpAuthError } from '../../src/errors'
import { failureOf, type NativeAnswer } from '../shared/failure'
import { type Labels, labelsOf, partsOf, wordsOf } from '../shared/labels'
import { canChooseAvatar, needsConsent } from '../shared/native'
import { readyKey } from '../shared/session-key'

interface UserInfoAnswer extends NativeAnswer {
  iv?: string
  encryptedData?: string
  rawData?: string
  signature?: string
}

/** What WeChat calls everybody whose name it does not tell. It is nobody's choice. */
const placeholderName = '微信用户'

/**
 * Asks for picture and nickname as WeChat wants it asked: its picture chooser, and its nickname keyboard inside a form.
 * WeChat reviews the nickname after the person has left the field and empties the field then, so what counts is the
 * value at submit. Where WeChat is too old for it there is a plain text field; `legacy` is the button of before 2021.
 */
Component({
  options: { multipleSlots: true, styleIsolation: 'apply-shared', pureDataPattern: /^_/ },
  externalClasses: ['button-class', 'avatar-class', 'field-class'],
  properties: {
    nickname: String,
    /** The picture to begin with: an address to show, or a local file to be sent along. */
    avatarPath: String,
    /** `form`, `avatar` (the picture alone, reported as soon as it is chosen) or `legacy`. */
    mode: { type: String, value: 'form' },
    /** The host is sending the answer to its server. */
    busy: Boolean,
    minLength: { type: Number, value: 1 },
    maxLength: { type: Number, value: 32 },
    /** The text of the submit button, for those who put nothing into it. */
    label: String,
    /** `avatar`: the slot of this name takes the place of the picture. */
    custom: String,
    /** `none` leaves the consent to the privacy guide to the host. */
    privacy: { type: String, value: 'auto' },
    /** Whose key decrypts what the `legacy` button gives. */
    session: { type: String, value: 'default' },
    lang: String,
    /** Words in place of the component's own, by their key. */
    text: Object,
  },
  data: {
    t: {} as Partial<Labels>,
    parts: {} as Record<string, true>,
    canAvatar: true,
    picture: '',
    typed: '',
    rejected: false,
    hint: '',
    keyState: 'ready',
    _chosen: '',
    _typed: '',
    _nickname: '',
    _avatarPath: '',
    _needsConsent: false,
  },
  observers: {
    'lang, text'(lang: string, text: unknown) {
      this.setData({ t: labelsOf(lang, text) })
    },
    custom(custom: string) {
      this.setData({ parts: partsOf(custom) })
    },
    // Observers run for values that are set anew without having changed, too; what the person has given outlives that.
    nickname(nickname: string) {
      if (nickname === this.data._nickname) return
      this.setData({ _nickname: nickname, typed: nickname, _typed: nickname })
    },
    avatarPath(path: string) {
      if (path === this.data._avatarPath) return
      this.setData({ _avatarPath: path, picture: path, _chosen: isLocal(path) ? path : '' })
    },
  },
  lifetimes: {
    attached() {
      const { lang, text, custom } = this.data
      const canAvatar = canChooseAvatar()
      this.setData({ t: labelsOf(lang, text), parts: partsOf(custom), canAvatar })
      // There is nothing else to ask with then.
      if (this.data.mode === 'avatar' && !canAvatar) this.fail('UNSUPPORTED')
      this.prepare()
    },
  },
  pageLifetimes: {
    show() {
      this.prepare()
    },
  },
  methods: {
    prepare() {
      // A key renewed while the host sends would make what it sends useless.
      if (this.data.mode === 'legacy' && !this.data.busy) this.readyKey()
      if (this.data.privacy !== 'none') needsConsent((needed) => this.setData({ _needsConsent: needed }))
    },

    async readyKey() {
      if (this.data.keyState === 'waiting') return
      this.setData({ keyState: 'waiting' })
      const error = await readyKey(this.data.session)
      this.setData({ keyState: error ? 'failed' : 'ready' })
      if (error) this.fail((error as MpAuthError).code)
    },

    /** Submits as if the button had been tapped. */
    submit() {
      this.take(this.data._typed)
    },

    onSubmit(e: { detail: { value: { nickname?: string } } }) {
      const { nickname } = e.detail.value
      this.take(nickname === undefined ? this.data._typed : nickname)
    },

    take(value: string) {
      const { busy, rejected, mode } = this.data
      if (busy || rejected || mode === 'legacy') return
      const nickname = value.trim()
      const hint = this.objection(nickname)
      this.setData({ hint })
      if (!hint) this.triggerEvent('getuserinfo', { nickname, avatarPath: this.data._chosen })
    },

    /** What to say against a nickname; nothing when it may be one. */
    objection(nickname: string): string {
      const { minLength, t } = this.data
      if (nickname === placeholderName) return t.nicknameRejected || ''
      if (Array.from(nickname).length >= minLength) return ''
      return (nickname ? t.nicknameShort : t.nicknamePlaceholder) || ''
    },

    onChooseAvatar(e: { detail: { avatarUrl: string } }) {
      const { avatarUrl } = e.detail
      if (!avatarUrl || this.data.busy) return
      this.setData({ picture: avatarUrl, _chosen: avatarUrl })
      this.triggerEvent('chooseavatar', { avatarUrl })
      if (this.data.mode === 'avatar') this.triggerEvent('getuserinfo', { nickname: '', avatarPath: avatarUrl })
    },

    onInput(e: { detail: { value: string } }) {
      this.setData({ _typed: e.detail.value })
      if (this.data.rejected || this.data.hint) this.setData({ rejected: false, hint: '' })
    },

    onFocus() {
      // Without consent WeChat makes a plain field of it, silently: ask, so that the next touch brings its keyboard.
      if (!this.data._needsConsent || !wx.requirePrivacyAuthorize) return
      wx.requirePrivacyAuthorize({
        success: () => this.setData({ _needsConsent: false }),
        fail: () => this.fail('PRIVACY_DENIED'),
      })
    },

    onReview(e: { detail: { pass: boolean; timeout: boolean } }) {
      // A review that ran out of time says nothing about the name; the server reviews it too.
      if (e.detail.pass || e.detail.timeout) return
      this.setData({ typed: '', _typed: '', rejected: true, hint: this.data.t.nicknameRejected || '' })
      this.triggerEvent('reviewfail', e.detail)
    },

    onLegacyTap() {
      if (this.data.keyState === 'failed') this.readyKey()
    },

    onUserInfo(e: { detail: UserInfoAnswer }) {
      if (this.data.busy) return
      const { iv, encryptedData, rawData, signature } = e.detail
      const failure = failureOf(e.detail)
      if (failure) this.fail(failure.code, failure.errno)
      else if (iv && encryptedData && rawData && signature) {
        const encrypted = { iv, encryptedData, rawData, signature }
        this.triggerEvent('getuserinfo', { nickname: '', avatarPath: '', encrypted })
      } else this.fail('UNSUPPORTED')
    },

    fail(code: MpAuthError['code'], errno?: number) {
      const text = wordsOf(new MpAuthError(code), this.data.lang, this.data.text)
      this.triggerEvent('fail', errno ? { code, errno, text } : { code, text })
    },
  },
})

/** Whether a path is a file on the device; in DevTools such a path begins like an address. */
function isLocal(path: string): boolean {
  return path !== '' && !/^(https?:\/\/(?!(tmp|usr|store)\/)|data:)/.test(path)
}
