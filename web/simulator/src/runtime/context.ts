// What `wx` and the built-in components see of the program that they belong to. The program is made of them, so they
// know nothing of how it is made.
import type { Bundle } from '../bundle'
import type { Account, Device, Shelf, Surroundings, WeChat } from '../surroundings'
import type { Trace } from '../trace'
import type { TemporaryFiles } from '../wx/files'
import type { Definitions } from './definitions'
import type { Address, Navigation } from './navigation'
import type { Timers } from './timers'

/** With what a program is started, or comes to the front. */
export interface Launch extends Address {
  /** The scene that WeChat tells, 1001 for the list of Mini Programs. */
  scene: number
  referrerInfo: Record<string, unknown>
}

/** What a program puts on a tab. */
export interface TabMark {
  badge?: string
  dot?: boolean
  text?: string
}

/** The phone, as its program sees it. */
export interface Host {
  readonly bundle: Bundle
  /** Where pages are shown. Its size is the size of the window that the program is told. */
  readonly screen: HTMLElement
  readonly surroundings: Surroundings
  readonly wechat: WeChat
  readonly device: Device
  readonly account: Account
  readonly shelf: Shelf
  readonly trace: Trace
  /** Who holds the phone, as the WeChat in the box calls the person. */
  readonly user: string
  /** What is known of the session key since the last login code, by person. */
  readonly sessions: Map<string, { atCode: number; seen?: number }>
  /** Where a request goes that the program sends to `url`. */
  readonly resolveUrl: (url: string) => string
  /** Sends a request to the network, and fails as a network does. */
  readonly wire: (url: string, init: RequestInit) => Promise<Response>
  /** What the names of everything begin with that this person stores. */
  storagePrefix(): string
  /** Tells the bars around the page what to show now. */
  refreshChrome(): void
  /** The person pulls the page down. */
  pullDown(): void
}

/** The gate in front of personal data. */
export interface Gate {
  /** Whether the person has agreed to the privacy guide. */
  readonly agreed: boolean
  /** Whether there is something to agree to that has not been agreed to. */
  readonly needed: boolean
  /** Whether the program has said that it asks itself. */
  readonly handled: boolean
  agree(): void
  /** The person tapped a button with open-type agreePrivacyAuthorization. */
  tapped(buttonId: string): void
  /** Whether the kind of data can be had without a question. */
  free(scope: string): boolean
  /** Throws when the kind of data is not declared in the privacy guide, or may not be used. */
  check(scope: string): void
  /** Returns when the person agrees to the privacy guide. `api` is who asks. */
  pass(api: string, scope?: string): Promise<void>
}

/** A program, as `wx` and the built-in components see it. */
export interface Context {
  readonly bundle: Bundle
  readonly phone: Host
  readonly device: Device
  readonly surroundings: Surroundings
  readonly trace: Trace
  readonly timers: Timers
  readonly definitions: Definitions
  readonly navigation: Navigation
  readonly files: TemporaryFiles
  readonly privacy: Gate
  readonly wx: Record<string, unknown>
  /** Badges and dots that the program put on tabs, by path. */
  readonly tabMarks: Map<string, TabMark>
  /** With what the program was started, and with what it came to the front last. */
  readonly launch: Launch
  readonly entered: Launch
  /** Whether the program stands still in the background. */
  readonly suspended: boolean
  /** Listeners that wx registers by name (`appShow`), and those of the runtime (`suspend`). */
  on(name: string, listener: (value: never) => void): void
  off(name: string, listener?: (value: never) => void): void
  /** Runs code of the program. What it throws is told to it and to the console, and stops nothing else. */
  guard<T>(what: string, run: () => T): T | undefined
  /** The person looks at something else. After five seconds the program stands still. */
  toBackground(): void
  /** The person looks at the program again. */
  toForeground(): void
}
