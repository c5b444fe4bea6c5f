import type { LogoutScope, User } from '../backend'
import type { Logger } from '../logger'
import type { Storage } from '../platform'
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

export interface VaultOptions<U extends User> {
  storage: Storage
  key: string
  /** Makes the name of the installation, the first time. */
  newDevice: () => string
  logger: Logger
  /** Another JS context has changed the login: it is read already. */
  onForeign: (before: Envelope<U>, after: Envelope<U>) => void
}

/**
 * The envelope in memory and in storage. Other contexts of the same Mini Program write to the same storage (those of the
 * AI mode run apart from the pages), so every write reads first, and changes only what it is about.
 */
export class Vault<U extends User = User> {
  private kept: Envelope<U>
  /** The last write failed: memory knows better than storage. */
  private unsaved = false

  constructor(private readonly options: VaultOptions<U>) {
    const stored = this.read()
    this.kept = stored ?? { v: 1, out: false, snap: null, device: options.newDevice(), end: [] }
    // The name is kept before it is first used: a device that forgot its name would leave sessions behind.
    if (!stored) this.save()
  }

  get envelope(): Envelope<U> {
    return this.kept
  }

  get snap(): Snapshot<U> | null {
    return this.kept.snap
  }

  /** Takes over what another context has written. */
  reload(): void {
    const before = this.kept
    const after = this.unsaved ? undefined : this.read()
    if (!after) return
    this.kept = after
    if (before.out !== after.out || before.snap?.token !== after.snap?.token) this.options.onForeign(before, after)
  }

  write(change: Partial<Envelope<U>> | ((kept: Envelope<U>) => Partial<Envelope<U>>)): void {
    this.reload()
    this.kept = { ...this.kept, ...(typeof change === 'function' ? change(this.kept) : change) }
    this.save()
  }

  private save(): void {
    const { storage, key, logger } = this.options
    try {
      storage.set(key, this.kept)
      this.unsaved = false
    } catch (error) {
      this.unsaved = true
      logger.warn('mpauth: the login cannot be stored, it will not survive a restart', error)
    }
  }

  private read(): Envelope<U> | undefined {
    const { storage, key, logger } = this.options
    try {
      const value = storage.get(key)
      if (value === undefined || value === null || value === '') return undefined
      if (isEnvelope<U>(value)) return value
      logger.warn('mpauth: what is stored cannot be read, and counts as nothing')
    } catch (error) {
      logger.warn('mpauth: the storage cannot be read, and counts as empty', error)
    }
    return undefined
  }
}

function isEnvelope<U extends User>(value: unknown): value is Envelope<U> {
  const { v, out, snap, device, end } = value as Partial<Envelope<U>>
  return v === 1 && typeof out === 'boolean' && typeof device === 'string' && Array.isArray(end) && isSnapshot(snap)
}

function isSnapshot(snap: Partial<Snapshot> | null | undefined): boolean {
  if (snap === null) return true
  return (
    typeof snap?.token === 'string' &&
    typeof snap.loginAt === 'number' &&
    (snap.expiresAt === null || typeof snap.expiresAt === 'number') &&
    typeof snap.user === 'object' &&
    snap.user !== null
  )
}

/**
 * Whether a token can be used now. The clock is read at each use, there is no timer. Time before the receipt means that
 * the clock was set back: how old the token is cannot be told, so it counts as over, once. A token that lives for less
 * than two leeways is used for half its life.
 */
export function isFresh({ loginAt, expiresAt }: Snapshot, now: number, leewayMs: number): boolean {
  return now >= loginAt && (expiresAt === null || now < expiresAt - Math.min(leewayMs, (expiresAt - loginAt) / 2))
}
