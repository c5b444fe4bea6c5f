import type { Context, Gate } from '../runtime/context'
import { asynchronous, type Api, WxError } from './api'
import { atLeast } from './library'

type Answer = { event: 'exposureAuthorization' | 'agree' | 'disagree'; buttonId?: string }
type Handler = (resolve: (answer: Answer) => void, info: { referrer: string }) => void

/** Older base libraries do not know of the privacy guide. */
const askedSince = '2.32.3'

/** After a refusal in WeChat's own sheet nobody is asked again for this time. */
const restMs = 10_000

/** The gate in front of personal data: an API waits here until the person has agreed to the privacy guide. */
export class Privacy implements Gate {
  readonly #program: Context
  readonly #tapped = new Set<string>()
  #handler: Handler | undefined
  #asking: Promise<boolean> | undefined
  #refusedAt = Number.NEGATIVE_INFINITY

  constructor(program: Context) {
    this.#program = program
  }

  get agreed(): boolean {
    const { account, shelf } = this.#program.phone
    const kinds = shelf.getItem(this.#key())?.split(',')
    return kinds !== undefined && [...account.declared].every((kind) => kinds.includes(kind))
  }

  get needed(): boolean {
    return this.#asks && this.#program.phone.account.declared.size > 0 && !this.agreed
  }

  get handled(): boolean {
    return this.#handler !== undefined
  }

  /** Takes note of the consent, which is to what is declared now: what comes later is asked for anew. */
  agree() {
    const { account, shelf } = this.#program.phone
    shelf.setItem(this.#key(), [...account.declared].join())
  }

  tapped(buttonId: string) {
    this.#tapped.add(buttonId)
  }

  check(scope: string) {
    const { account } = this.#program.phone
    if (!this.#asks) return
    if (account.privacyBanned) throw new WxError('appid privacy api banned', 1025)
    if (!account.declared.has(scope)) throw new WxError('api scope is not declared in the privacy agreement', 112)
  }

  free(scope: string): boolean {
    const { account } = this.#program.phone
    return !this.#asks || (!this.needed && !account.privacyBanned && account.declared.has(scope))
  }

  async pass(api: string, scope?: string): Promise<void> {
    if (scope) this.check(scope)
    if (!this.needed) return
    this.#asking ??= this.#ask(api).finally(() => {
      this.#asking = undefined
    })
    if (!(await this.#asking)) throw new WxError('privacy permission is not authorized', 104)
    this.agree()
  }

  apis(): Record<string, Api | ((handler: Handler) => void)> {
    const program = this.#program
    const { phone } = program
    return {
      getPrivacySetting: asynchronous(
        program,
        'getPrivacySetting',
        () => ({ needAuthorization: this.needed, privacyContractName: phone.account.privacyContractName }),
        false,
      ),
      requirePrivacyAuthorize: asynchronous(program, 'requirePrivacyAuthorize', () =>
        this.pass('requirePrivacyAuthorize'),
      ),
      openPrivacyContract: asynchronous(program, 'openPrivacyContract', () => {
        program.surroundings.openPrivacyContract(phone.account.privacyContractName)
      }),
      onNeedPrivacyAuthorization: (handler: Handler) => {
        program.trace.add('call', 'onNeedPrivacyAuthorization')
        this.#handler = handler
      },
    }
  }

  async #ask(api: string): Promise<boolean> {
    if (!this.#handler) return this.#askBySheet(api)
    const handler = this.#handler
    return new Promise<boolean>((resolve) => {
      const answer = (given: Answer) => {
        if (given.event === 'disagree') resolve(false)
        if (given.event !== 'agree') return
        // Consent counts when it was really tapped.
        if (this.#tapped.has(given.buttonId ?? '')) resolve(true)
        else this.#program.trace.add('log', 'error', { ok: false, detail: 'agree without a tap on the button' })
      }
      this.#program.timers.deliver(() =>
        this.#program.guard('onNeedPrivacyAuthorization', () => handler(answer, { referrer: api })),
      )
    })
  }

  async #askBySheet(api: string): Promise<boolean> {
    if (Date.now() - this.#refusedAt < restMs) return false
    const { surroundings, phone } = this.#program
    const said = await surroundings.askPrivacy({ contract: phone.account.privacyContractName, referrer: api })
    if (said === 'disagree') this.#refusedAt = Date.now()
    return said === 'agree'
  }

  get #asks(): boolean {
    return atLeast(this.#program.device.SDKVersion, askedSince)
  }

  #key(): string {
    return `${this.#program.phone.storagePrefix()}privacy`
  }
}
