import { findSession } from '../../src/session/registry'
import type { AuthFact, AuthStep } from '../../src/step'
import type { AnswerEvent } from '../shared/answer'
import { type Labels, labelsOf } from '../shared/labels'

/** What the popup uses of the flow inside it. */
interface Flow {
  nextStep(e?: AnswerEvent): Promise<void>
}

/**
 * The flow in a sheet from below. `mustAuth` finds it on the page by its id, `auth-popup`, and opens it; left without
 * an answer, it tells the session, so that nobody waits for ever.
 */
Component({
  options: { multipleSlots: true, virtualHost: false, styleIsolation: 'apply-shared' },
  externalClasses: ['popup-class', 'overlay-class', 'button-class'],
  properties: {
    /** Whether the page behind is darkened. */
    overlay: { type: Boolean, value: true },
    /** Among the siblings of the popup. */
    zIndex: { type: Number, value: 1000 },
    /** Whether there is a button to close it. */
    closeable: { type: Boolean, value: true },
    /** Whether a tap beside the sheet closes it. */
    closeOnOverlay: { type: Boolean, value: true },
    /** Whether it keeps clear of what a phone has at its lower edge. */
    safeArea: { type: Boolean, value: true },
    title: String,
    /** These are the flow's. */
    session: { type: String, value: 'default' },
    phoneMode: { type: String, value: 'quick' },
    profileMode: { type: String, value: 'form' },
    needAgree: Boolean,
    quotaToast: { type: Boolean, value: true },
    privacy: { type: String, value: 'auto' },
    skippable: Boolean,
    custom: String,
    lang: String,
    text: Object,
  },
  data: {
    t: {} as Partial<Labels>,
    shown: false,
    need: [] as AuthFact[],
    step: 0,
  },
  observers: {
    'lang, text'(lang: string, text: unknown) {
      this.setData({ t: labelsOf(lang, text) })
    },
  },
  lifetimes: {
    attached() {
      this.setData({ t: labelsOf(this.data.lang, this.data.text) })
    },
    detached() {
      this.leave('detached')
    },
  },
  methods: {
    /** Shows the popup. Without `need` it asks for the step set before, or else for what `mustAuth` needs. */
    open(options?: { need?: readonly AuthFact[] }) {
      const opening = !this.data.shown
      this.setData({ need: [...(options?.need ?? [])], shown: true })
      if (opening) this.triggerEvent('open')
    },

    /** Hides it; whoever waits in `mustAuth` learns that the person has cancelled. */
    close() {
      this.leave('close')
    },

    /** Asks for what leads to this step, from now on. */
    setMustAuthStep(step: AuthStep) {
      this.setData({ step, need: [] })
    },

    /** As the flow's. */
    async nextStep(e?: AnswerEvent) {
      await (this.selectComponent('#mpauth-flow') as unknown as Flow | null)?.nextStep(e)
    },

    leave(reason: string) {
      if (!this.hide(reason)) return
      findSession(this.data.session)?.rejectAuth()
    },

    hide(reason: string): boolean {
      if (!this.data.shown) return false
      this.setData({ shown: false })
      this.triggerEvent('close', { reason })
      return true
    },

    onOverlay() {
      if (this.data.closeOnOverlay) this.leave('overlay')
    },

    onClose() {
      this.leave('close')
    },

    onNothing() {},

    onStep(e: { detail: { step: AuthStep } }) {
      this.triggerEvent('step', e.detail)
    },

    onDone(e: { detail: { step: AuthStep } }) {
      // Hidden first: the flow then lets mustAuth go on, and whoever comes next may open it again.
      this.hide('done')
      this.triggerEvent('done', e.detail)
    },

    onCancel() {
      this.leave('skip')
    },

    onNeedAgree() {
      this.triggerEvent('needagree')
    },

    onFail(e: { detail: unknown }) {
      this.triggerEvent('fail', e.detail as Record<string, unknown>)
    },
  },
})
