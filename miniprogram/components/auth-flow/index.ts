import { isMpAuthError, MpAuthError } from '../../src/errors'
import { findSession } from '../../src/session/registry'
import type { Session } from '../../src/session/types'
import { type AuthFact, AuthStep, factsOf } from '../../src/step'
import { type Answer, type AnswerEvent, answerOf } from '../shared/answer'
import { failureOf } from '../shared/failure'
import { type Labels, labelsOf, partsOf, wordsOf } from '../shared/labels'

/** What ends the listening to the session, by component. A component that is not in here is not on the screen. */
const listening = new WeakMap<object, () => void>()
/** The phone number that did not reach the server, by component: WeChat would let itself be paid for it again. */
const unsent = new WeakMap<object, Answer>()

/**
 * Asks for what is missing, one thing after the other, and saves it: profile form, phone button, done. What has been
 * given stays given, so a person who leaves in the middle goes on there the next time.
 */
Component({
  options: { multipleSlots: true, styleIsolation: 'apply-shared', pureDataPattern: /^_/ },
  externalClasses: ['flow-class', 'button-class'],
  properties: {
    /** Facts to ask for. Empty: by `must-auth-step`; else what a waiting `mustAuth` needs; else the whole flow. */
    need: Array,
    mustAuthStep: Number,
    /** The name of the session. */
    session: { type: String, value: 'default' },
    phoneMode: { type: String, value: 'quick' },
    profileMode: { type: String, value: 'form' },
    needAgree: Boolean,
    quotaToast: { type: Boolean, value: true },
    privacy: { type: String, value: 'auto' },
    /** Shows a way out beside the question: `cancel`. */
    skippable: Boolean,
    /** Of `profile phone done loading`: the slots that take the place of what the component draws. */
    custom: String,
    /** Whether `mustAuth` goes on as soon as nothing is missing; else the host calls `session.resolveAuth()`. */
    autoResolve: { type: Boolean, value: true },
    lang: String,
    text: Object,
  },
  data: {
    t: {} as Partial<Labels>,
    parts: {} as Record<string, true>,
    /** What is on the screen: `loading`, `retry`, the fact asked for, or `done`. */
    view: 'loading',
    busy: false,
    /** Whether there is an answer to send anew. */
    again: false,
    error: '',
    code: '',
    nickname: '',
    avatar: '',
    /** What mustAuth asked for at the start: it forgets what is answered, and the flow must not go on to more. */
    _asked: [] as AuthFact[],
    _entered: '',
  },
  observers: {
    'lang, text'(lang: string, text: unknown) {
      this.setData({ t: labelsOf(lang, text) })
    },
    custom(custom: string) {
      this.setData({ parts: partsOf(custom) })
    },
    session(name: string) {
      // Observers run for values that are set anew without having changed, too.
      if (listening.has(this) && name !== this.data._entered) this.enter()
    },
    'need, mustAuthStep'() {
      if (listening.has(this) && this.data.view !== 'loading') this.refresh()
    },
  },
  lifetimes: {
    attached() {
      const { lang, text, custom } = this.data
      this.setData({ t: labelsOf(lang, text), parts: partsOf(custom) })
      this.enter()
    },
    detached() {
      listening.get(this)?.()
      listening.delete(this)
    },
  },
  methods: {
    find(): Session | undefined {
      return findSession(this.data.session) as Session | undefined
    },

    /** Begins with the session of the name. */
    enter() {
      listening.get(this)?.()
      listening.set(this, () => {})
      this.keep(null)
      this.setData({ _entered: this.data.session, view: 'loading', busy: false, error: '', code: '' })
      const session = this.find()
      if (!session) {
        this.show('retry', new MpAuthError('CONFIG', `no session '${this.data.session}': createSession comes first`))
        return
      }
      const off = session.events.on('user', () => {
        if (!this.data.busy) this.refresh()
      })
      listening.set(this, off)
      this.start(false)
    },

    /** Logs in where nobody is. `tapped`: the person wants it, so a logout does not stand in the way. */
    async start(tapped: boolean) {
      const session = this.find()
      if (!session || this.data.busy) return
      this.setData({ busy: true })
      const same = () => listening.has(this) && this.find() === session
      try {
        await (tapped ? session.login({ force: session.loggedOut, reason: 'auth-flow' }) : session.ensureLogin())
        if (!same()) return
        this.setData({ busy: false, error: '', code: '', _asked: [...session.needed] })
        this.refresh()
      } catch (error) {
        if (!same()) return
        this.setData({ busy: false })
        // Someone who has logged out is asked to come back, not told of an error.
        if (!tapped && isMpAuthError(error, 'LOGGED_OUT')) this.setData({ view: 'retry' })
        else this.show('retry', error)
      }
    },

    /** What to ask for, in the order of the app's flow; what is not part of it comes last. */
    wanted(session: Session): readonly AuthFact[] {
      const { mustAuthStep, _asked } = this.data
      if (mustAuthStep && this.data.need.length === 0) return factsOf(mustAuthStep as AuthStep, session.flow)
      const need: readonly AuthFact[] = this.data.need.length > 0 ? this.data.need : _asked
      if (need.length === 0) return session.flow
      const inFlow = session.flow.filter((fact) => need.includes(fact))
      return [...inFlow, ...need.filter((fact) => !inFlow.includes(fact))]
    },

    /** Shows what is missing now, and tells the host when nothing is. */
    refresh() {
      const session = this.find()
      if (!session) return
      const next = session.missing(this.wanted(session))[0]
      const step = session.currentAuthStep()
      const before = this.data.view
      this.setData({ view: next || 'done' })
      if (next !== 'PHONE') this.keep(null)
      // What the person is typing stays, unless what is known has changed.
      const nickname = session.user?.nickname || ''
      const avatar = session.user?.avatarUrl || ''
      if (nickname !== this.data.nickname || avatar !== this.data.avatar) this.setData({ nickname, avatar })
      if (before !== this.data.view) this.triggerEvent('step', { step })
      if (next || before === 'done') return
      const { autoResolve } = this.data
      this.triggerEvent('done', { step })
      if (autoResolve) session.resolveAuth()
    },

    /** Asks for what leads to this step. */
    setMustAuthStep(step: AuthStep) {
      this.setData({ mustAuthStep: step, need: [] })
    },

    /** How far the person is. */
    getAuthStep(): AuthStep {
      return this.find()?.currentAuthStep() ?? AuthStep.ONE
    },

    /**
     * Goes on: with what an event of a container or of a native button brings; without one, with the phone number
     * that did not reach the server, or else with what the session knows by now. Never rejects: what goes wrong is
     * shown, and reported as `fail`.
     */
    async nextStep(e?: AnswerEvent): Promise<void> {
      const session = this.find()
      if (!session || this.data.busy) return
      const view = this.data.view
      if (!e?.detail) {
        const kept = unsent.get(this)
        if (kept) await this.save(session, kept)
        else if (view === 'loading' || view === 'retry') await this.start(true)
        else this.refresh()
        return
      }
      const failure = failureOf(e.detail)
      if (failure) return this.show(view, new MpAuthError(failure.code), failure.errno)
      const answer = answerOf(e, view === 'PHONE' ? 'PHONE' : 'PROFILE')
      if (!answer) return this.show(view, new MpAuthError('UNSUPPORTED'))
      await this.save(session, answer)
    },

    async save(session: Session, answer: Answer) {
      const view = this.data.view
      this.setData({ busy: true, error: '', code: '' })
      try {
        await (answer.fact === 'PHONE' ? session.updatePhone(answer.input) : session.updateUser(answer.input))
        this.setData({ busy: false })
        if (listening.has(this)) this.refresh()
        else if (this.data.autoResolve) session.resolveAuth()
      } catch (error) {
        this.keep(answer.fact === 'PHONE' && isMpAuthError(error) && error.retryable ? answer : null)
        this.setData({ busy: false })
        this.show(isMpAuthError(error, 'LOGGED_OUT') ? 'retry' : view, error)
      }
    },

    /** Keeps an answer to send anew; null forgets it. */
    keep(answer: Answer | null) {
      if (answer) unsent.set(this, answer)
      else unsent.delete(this)
      if (this.data.again !== !!answer) this.setData({ again: !!answer })
    },

    /** Puts an error into words beside the question, which stays: the next tap is the next try. */
    show(view: string, error: unknown, errno?: number) {
      const code = isMpAuthError(error) ? error.code : 'INTERNAL'
      const action = isMpAuthError(error) ? error.action : 'NONE'
      const words = wordsOf(error, this.data.lang, this.data.text)
      const again = this.data.t.tapAgain || ''
      const text = action === 'TAP_AGAIN' && !words.includes(again) ? `${words} ${again}` : words
      this.setData({ view, error: text, code })
      this.report(code, text, errno, action)
    },

    report(code: string, text: string, errno?: number, action = 'NONE') {
      if (code === 'PRIVACY_UNDECLARED' || code === 'CONFIG') {
        const missing = errno ? 'no permission from WeChat: that wants a verified company' : 'no session of this name'
        const hint = code === 'CONFIG' ? missing : 'declare phone, nickname and picture in the privacy guide'
        const logger = this.find()?.logger ?? console
        logger.error(`auth-flow: ${code}: ${hint}`)
      }
      this.triggerEvent('fail', errno ? { code, action, text, errno } : { code, action, text })
    },

    onFail(e: { detail: { code: string; text: string; errno?: number } }) {
      const { code, text, errno } = e.detail
      this.setData({ error: text, code })
      this.report(code, text, errno)
    },

    onAnswered() {
      if (this.data.error) this.setData({ error: '', code: '' })
    },

    onNeedAgree() {
      this.triggerEvent('needagree')
    },

    onRetry() {
      this.nextStep()
    },

    onSkip() {
      const session = this.find()
      this.triggerEvent('cancel', { need: session?.missing(this.wanted(session)) })
      session?.rejectAuth()
    },
  },
})
