import { labelsOf } from '../../components/shared/labels'
import { leaveAuthPage, needOf } from '../../src/auth/auth-page'
import { findSession } from '../../src/session/registry'
import type { AuthFact } from '../../src/step'

/** The auth pages whose person has answered: leaving them is no cancelling. */
const answered = new WeakSet<object>()

/**
 * The page that asks, for `mustAuth` where no popup is. It is a page by itself, `need` and `backTo` being its query,
 * and a component for a page of the app's own:
 *
 *     index.json  { "usingComponents": { "auth-page": "mpauth/pages/auth/index" } }
 *     index.js    Page({ data: { query: {} }, onLoad(query) { this.setData({ query }) } })
 *     index.wxml  <auth-page wx:if="{{query.need}}" need="{{query.need}}" back-to="{{query.backTo}}" />
 *
 * Answered, it goes back where the person was, and only then lets `mustAuth` go on; left without an answer it tells
 * the session that the person has cancelled.
 */
Component({
  options: { styleIsolation: 'apply-shared' },
  externalClasses: ['page-class', 'button-class'],
  properties: {
    /** The facts to ask for, with commas between; what `mustAuth` needs when empty. */
    need: String,
    /** Where to go afterwards, when the page that asked is not below this one: the address, encoded. */
    backTo: String,
    session: { type: String, value: 'default' },
    phoneMode: { type: String, value: 'quick' },
    profileMode: { type: String, value: 'form' },
    privacy: { type: String, value: 'auto' },
    skippable: { type: Boolean, value: true },
    lang: String,
    text: Object,
  },
  data: {
    ready: false,
    facts: [] as AuthFact[],
  },
  observers: {
    need() {
      this.read()
    },
  },
  lifetimes: {
    attached() {
      // A page learns its query in onLoad, after this and before ready.
      if (this.data.need) this.read()
    },
    ready() {
      this.read()
    },
    detached() {
      if (!answered.has(this)) findSession(this.data.session)?.rejectAuth()
    },
  },
  methods: {
    /** As a page: also takes `lang`, so that an app's `authPage` may be `/pages/auth/index?lang=en`. */
    onLoad(query: { need?: string; backTo?: string; session?: string; lang?: string }) {
      const { need = '', backTo = '', session = 'default', lang = this.data.lang } = query
      this.setData({ need, backTo, lang, session: decodeURIComponent(session) })
      wx.setNavigationBarTitle({ title: labelsOf(lang, this.data.text).title })
      this.read()
    },

    read() {
      this.setData({ facts: needOf(this.data.need), ready: true })
    },

    async onDone(e: { detail: Record<string, unknown> }) {
      if (answered.has(this)) return
      answered.add(this)
      this.triggerEvent('done', e.detail)
      const session = findSession(this.data.session)
      if (!session) return
      // Back first: what waited goes on where the person was, and may open a page itself.
      await leaveAuthPage(session, this.data.backTo).catch((error) =>
        session.logger.error('auth page: cannot go back', error),
      )
      session.resolveAuth()
    },

    async onCancel() {
      const session = findSession(this.data.session)
      this.triggerEvent('cancel')
      if (!session) return
      const { platform, tabPages } = session
      if (platform.pages().length > 1) await platform.navigateBack()
      // The first page of the stack has no way back: to where anybody may be, not to `backTo`, which would ask again.
      else if (tabPages[0]) await platform.navigate('switchTab', tabPages[0])
    },

    onFail(e: { detail: Record<string, unknown> }) {
      this.triggerEvent('fail', e.detail)
    },
  },
})
