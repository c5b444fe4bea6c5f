import { WeChatInTheBox } from '../wechat'

const slow = { endpoint: '*', kind: 'latency', ms: 3000, count: 0 }
const down = { endpoint: '*', kind: 'http', status: 502, count: 0 }

interface Calls {
  [endpoint: string]: { count: number; last: { fields: Record<string, string> } }
}

/** The WeChat in the box, with what only its owner can do: plan faults, change keys, see what it was asked. */
export class Box extends WeChatInTheBox {
  readonly #at: string
  readonly #seen = new Map<string, number>()
  #looking: Promise<void> | undefined

  constructor(address: string) {
    super(address)
    this.#at = address
  }

  rotateKey(appid: string, user: string): Promise<unknown> {
    return this.#post('rotate-key', { appid, user })
  }

  /** What holds until it is said otherwise: each call is late, or is answered by something else. */
  async beTroubled(kinds: { slow: boolean; down: boolean }) {
    await this.#post('clear-faults', {})
    if (kinds.down) await this.#post('faults', down)
    else if (kinds.slow) await this.#post('faults', slow)
  }

  /** Whether there are faults, and all of them are what `beTroubled` left: by a phone that is closed now. */
  async hasLeftovers(): Promise<boolean> {
    const { faults } = await this.#post<{ faults: object[] }>('state', {})
    const planned = faults.map((fault) => JSON.stringify(Object.entries(fault).sort()))
    const ours = [slow, down].map((fault) => JSON.stringify(Object.entries(fault).sort()))
    return planned.length > 0 && planned.every((fault) => ours.includes(fault))
  }

  /** The words that WeChat finds risky. */
  async riskyWords(): Promise<string[]> {
    const { settings } = await this.#post<{ settings: { riskyWords: string[] | null } }>('state', {})
    return settings.riskyWords ?? []
  }

  /** Tells of each endpoint how often it was asked since the last look. */
  async look(tell: (endpoint: string, count: number, fields: Record<string, string>) => void): Promise<void> {
    // One look at a time, so that no call is told twice.
    const before = (this.#looking ?? Promise.resolve()).catch(() => {})
    this.#looking = before.then(async () => {
      // A token is fetched before it is used.
      const calls = Object.entries(await this.#post<Calls>('calls', {})).sort(([a], [b]) => Number(b.endsWith('token')) - Number(a.endsWith('token')))
      for (const [endpoint, { count, last }] of calls) {
        const more = count - (this.#seen.get(endpoint) ?? 0)
        this.#seen.set(endpoint, count)
        if (more > 0) tell(endpoint, more, last.fields)
      }
    })
    return this.#looking.catch(() => {
      this.#looking = undefined // the server is away; the next look tells
    })
  }

  async #post<T>(control: string, question: object): Promise<T> {
    const response = await fetch(`${this.#at}/_control/${control}`, {
      method: 'POST',
      body: JSON.stringify(question),
      headers: { 'content-type': 'application/json' },
    })
    if (!response.ok) throw new Error(`${control}: ${response.status}`)
    return (await response.json()) as T
  }
}
