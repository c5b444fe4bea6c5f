import type { Encrypted, Person, WeChat } from './surroundings'

/** The WeChat in the box, through its control API. */
export class WeChatInTheBox implements WeChat {
  readonly #address: string

  /** `address` is where the fake is, for example `/fakewechat`. */
  constructor(address: string) {
    this.#address = address
  }

  async defaultAppId(): Promise<string> {
    const { apps } = await this.#ask<{ apps: string[] | null }>('state', {})
    return apps?.[0] ?? ''
  }

  async loginCode(appid: string, user: string): Promise<string> {
    return (await this.#ask<{ code: string }>('login-code', { appid, user })).code
  }

  async phoneCode(appid: string, user: string, phoneNumber: string): Promise<string> {
    return (await this.#ask<{ code: string }>('phone-code', { appid, user, phoneNumber })).code
  }

  encrypt(appid: string, user: string, kind: 'phone' | 'profile', data: Record<string, unknown>): Promise<Encrypted> {
    return this.#ask<Encrypted>('encrypt', { appid, user, kind, data })
  }

  async person(appid: string, user: string): Promise<Person> {
    return (await this.#ask<{ person: Person }>('state', { appid, user })).person
  }

  async #ask<T>(control: string, question: Record<string, unknown>): Promise<T> {
    const response = await fetch(`${this.#address}/_control/${control}`, {
      method: 'POST',
      body: JSON.stringify(question),
      headers: { 'content-type': 'application/json' },
    })
    if (!response.ok) throw new Error(`${control}: ${response.status}`)
    return (await response.json()) as T
  }
}
