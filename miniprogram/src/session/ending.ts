import type { Backend, Send, User } from '../backend'
import type { MpAuthError } from '../errors'
import { asError } from './login'
import type { Settings } from './settings'
import type { Ending, Vault } from './snapshot'

/**
 * Tells the server which logins are over. What could not be told is kept, over restarts too, until the server has
 * confirmed or refused it; nobody ever waits for it.
 */
export class Endings<U extends User = User> {
  private running = false
  /** The tokens that this flush has tried. */
  private tried = new Set<string>()

  constructor(
    private readonly settings: Settings<U>,
    private readonly vault: Vault<U>,
    private readonly send: Send,
  ) {}

  add(ending: Ending): void {
    // The latest few do: those before them have long been replaced by later logins of the device.
    this.vault.write(({ end }) => ({ end: [...end, ending].slice(-3) }))
    this.flush()
  }

  /** Tries what is left. Call when there is reason to think that the server can be reached. */
  async flush(): Promise<void> {
    // What is asked for while the first try still waits for an answer is tried behind it.
    this.tried = new Set()
    if (this.running) return
    this.running = true
    for (let ending = this.next(); ending; ending = this.next()) {
      this.tried.add(ending.token)
      await this.end(ending)
    }
    this.running = false
  }

  private next(): Ending | undefined {
    return this.vault.envelope.end.find(({ token }) => !this.tried.has(token))
  }

  private async end(ending: Ending): Promise<void> {
    const { token, refreshToken, scope } = ending
    const { backend } = this.settings
    try {
      await backend.logout(token, scope, this.send)
      this.replace(ending)
    } catch (cause) {
      const error = this.failed(cause)
      // An access token is short-lived; the session behind it is not.
      if (error.code === 'TOKEN_EXPIRED' && refreshToken && backend.refreshToken) await this.renew(ending, refreshToken)
      else if (!error.retryable) this.replace(ending)
    }
  }

  private async renew(ending: Ending, refreshToken: string): Promise<void> {
    try {
      const login = await (this.settings.backend as Required<Backend<U>>).refreshToken(refreshToken, this.send)
      this.replace(ending, { ...ending, token: login.token, refreshToken: login.refreshToken })
    } catch (cause) {
      if (!this.failed(cause).retryable) this.replace(ending)
    }
  }

  private failed(cause: unknown): MpAuthError {
    const error = asError(cause)
    this.settings.logger.info('mpauth: logout not told', error)
    return error
  }

  private replace(old: Ending, by?: Ending): void {
    this.vault.write(({ end }) => {
      const others = end.filter(({ token }) => token !== old.token)
      return { end: by && others.length < end.length ? [...others, by] : others }
    })
  }
}
