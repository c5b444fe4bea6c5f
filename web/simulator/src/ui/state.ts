/** The orders in which the apps of a development server ask people for facts. */
export const flows = ['profile,phone', 'phone,profile', 'phone', 'profile'] as const
export type Flow = (typeof flows)[number]

/** What can be made to go wrong, and stays so until it is switched off. */
export const troubles = ['refuse', 'quota', 'slow', 'down', 'gone', 'offline'] as const
export type Trouble = (typeof troubles)[number]

/** A base library of today, and one that gives data as ciphertexts and not as codes. */
export const libraries = ['3.17.0', '2.20.0'] as const
export type Library = (typeof libraries)[number]

export type Language = 'zh' | 'en'
export type Theme = 'auto' | 'light' | 'dark'
export type Platform = 'ios' | 'android' | 'devtools'

/** What a link to the phone says. */
export interface State {
  language: Language
  user: string
  flow: Flow
  platform: Platform
  library: Library
  theme: Theme
  troubles: Set<Trouble>
  /** The page that the Mini Program shows, with its query; empty for the entrance. */
  page: string
}

const userShape = /^[\w-]{1,32}$/

/** Reads the part of an address behind `#`; what it does not say, or says wrong, is as a newcomer finds it. */
export function readState(hash: string, browserLanguage: string): State {
  const said = new URLSearchParams(hash.replace(/^#/, ''))
  const one = <T extends string>(name: string, values: readonly T[], otherwise: T): T =>
    values.find((value) => value === said.get(name)) ?? otherwise
  const user = said.get('user') ?? ''
  const wanted = (said.get('trouble') ?? '').split(',')
  return {
    language: one('lang', ['zh', 'en'], /^zh/i.test(browserLanguage) ? 'zh' : 'en'),
    user: userShape.test(user) ? user : 'alice',
    flow: one('flow', flows, 'profile,phone'),
    platform: one('platform', ['ios', 'android', 'devtools'], 'ios'),
    library: one('library', libraries, '3.17.0'),
    theme: one('theme', ['auto', 'light', 'dark'], 'auto'),
    troubles: new Set(troubles.filter((trouble) => wanted.includes(trouble))),
    page: said.get('page') ?? '',
  }
}

/** Writes the state as the part of an address behind `#`, shortly. */
export function writeState(state: State): string {
  const said: [string, string, string][] = [
    ['lang', state.language, ''],
    ['user', state.user, 'alice'],
    ['flow', state.flow, 'profile,phone'],
    ['platform', state.platform, 'ios'],
    ['library', state.library, '3.17.0'],
    ['theme', state.theme, 'auto'],
    ['trouble', [...state.troubles].join(','), ''],
    ['page', state.page, ''],
  ]
  const text = said.filter(([, value, usual]) => value !== usual).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return `#${text.join('&').replace(/%2C/g, ',').replace(/%2F/g, '/')}`
}
