import type { LogoutScope, User } from '../backend'
import { randomText } from './login'
import type { Settings } from './settings'
import type { Snapshot } from './types'

/** A login that the person has ended here, and that the server does not know to be over yet. */
export interface Ending {
  token: string
  refreshToken: string | null
  scope: LogoutScope
}

/** All that a session keeps on the device, under one key. */
export interface Envelope<U extends User = User> {
  v: 1
  /** Whether the person has logged out on purpose. */
  out: boolean
  snap: Snapshot<U> | null
  /** The random name of this installation. */
  device: string
  end: readonly Ending[]
}

/**
 * The envelope in memory and in storage. Other contexts of the same Mini Program write to the same storage (those of the
 * AI mode run apart from the pages), so every write reads first, and changes only what it is about.
 */
export class Vault<U extends User = User> {
  private readonly key: string
  private kept: Envelope<U>
  /** The last write failed: memory knows better than storage. */
  private unsaved = false

  /** `onForeign` hears that another JS context has changed the login: it is read already. */
  constructor(
    private readonly settings: Settings<U>,
    private readonly onForeign: (before: Envelope<U>, after: Envelope<U>) => void,
  ) {
    const { platform, name, random } = settings
    this.key = `mpauth:${name}:${platform.envVersion()}:${platform.appId()}`
    const stored = this.read()
    this.kept = stored || { v: 1, out: false, snap: null, device: randomText(random), end: [] }
    // The name is kept before it is first used: a device that forgot its name would leave sessions behind.
    if (!stored) this.save()
  }

  get envelope(): Envelope<U> {
    return this.kept
  }

  get out(): boolean {
    return this.kept.out
  }

  get snap(): Snapshot<U> | null {
    return this.kept.snap
  }

  get token(): string | undefined {
    return tokenOf(this.kept)
  }

  /** Takes over what another context has written. */
  reload(): void {
    const before = this.kept
    const after = this.unsaved ? undefined : this.read()
    if (!after) return
    this.kept = after
    if (before.out !== after.out || tokenOf(before) !== tokenOf(after)) this.onForeign(before, after)
  }

  write(change: Partial<Envelope<U>> | ((kept: Envelope<U>) => Partial<Envelope<U>>)): void {
    this.reload()
    this.kept = { ...this.kept, ...(typeof change === 'function' ? change(this.kept) : change) }
    this.save()
  }

  private save(): void {
    try {
      this.settings.storage.set(this.key, this.kept)
      this.unsaved = false
    } catch (error) {
      this.unsaved = true
      this.settings.logger.warn('mpauth: nothing can be stored', error)
    }
  }

  private read(): Envelope<U> | undefined {
    try {
      const value = this.settings.storage.get(this.key)
      if (isEnvelope<U>(value)) return value
      if (value) throw value
    } catch (error) {
      this.settings.logger.warn('mpauth: what is stored counts as nothing', error)
    }
    return undefined
  }
}

const tokenOf = ({ snap }: Envelope): string | undefined => (snap ? snap.token : undefined)

function isEnvelope<U extends User>(value: unknown): value is Envelope<U> {
  const { v, device, snap, end } = (value || {}) as Partial<Envelope<U>>
  if (v !== 1 || typeof device !== 'string' || !Array.isArray(end)) return false
  return snap === null || (!!snap && typeof snap.token === 'string' && typeof snap.loginAt === 'number' && !!snap.user)
}

/**
 * Whether a token can be used now. The clock is read at each use, there is no timer. Time before the receipt means that
 * the clock was set back: how old the token is cannot be told, so it counts as over, once. A token that lives for less
 * than two leeways is used for half its life.
 */
export function isFresh({ loginAt, expiresAt }: Snapshot, { now, leewayMs }: Settings): boolean {
  const at = now()
  return at >= loginAt && (expiresAt === null || at < expiresAt - Math.min(leewayMs, (expiresAt - loginAt) / 2))
}
