// What the compile step says to the runtime: a Mini Program as one JavaScript module.

/** What the code of a Mini Program sees besides the language, in the order in which it is handed in. */
export const provided = [
  'wx',
  'App',
  'Page',
  'Component',
  'Behavior',
  'getApp',
  'getCurrentPages',
  'console',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'global',
] as const

/** The names of browsers that do not exist in a Mini Program. There they are undefined, so here they are too. */
export const withheld = [
  'window',
  'self',
  'globalThis',
  'document',
  'navigator',
  'location',
  'history',
  'fetch',
  'XMLHttpRequest',
  'WebSocket',
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'URL',
  'URLSearchParams',
  'AbortController',
  'FormData',
  'Blob',
  'File',
  'TextEncoder',
  'TextDecoder',
  'structuredClone',
  'queueMicrotask',
  'requestAnimationFrame',
  'crypto',
  'performance',
  'atob',
  'btoa',
  'alert',
] as const

/** The code of one file, as a CommonJS module. */
export type ModuleFactory = (
  require: (id: string) => unknown,
  module: { exports: unknown },
  exports: unknown,
  ...names: unknown[]
) => void

/** Stands in a style sheet before each class name that belongs to the component, for the runtime to replace. */
export const scopeMark = '__scope__'

/** Stands in a style sheet for the name of the component's scope, to address its host. */
export const hostMark = '__host__'

export interface TabItem {
  pagePath: string
  text: string
  iconPath?: string
  selectedIconPath?: string
}

export interface WindowConfig {
  navigationBarTitleText?: string
  navigationBarBackgroundColor?: string
  navigationBarTextStyle?: 'black' | 'white'
  navigationStyle?: 'default' | 'custom'
  backgroundColor?: string
  enablePullDownRefresh?: boolean
}

/** What app.json says, as far as it means something here. */
export interface AppConfig {
  /** Paths of all pages, those of sub-packages with their root; the first is the entrance. */
  pages: string[]
  window?: WindowConfig
  tabBar?: { color?: string; selectedColor?: string; backgroundColor?: string; custom?: boolean; list: TabItem[] }
  networkTimeout?: { request?: number; uploadFile?: number; downloadFile?: number }
  darkmode?: boolean
  /** Where the values are that are written with an `@` in front. */
  themeLocation?: string
}

/** The JSON of a page or component; paths of components are absolute. */
export interface UnitConfig extends WindowConfig {
  component?: boolean
  usingComponents?: Record<string, string>
  componentGenerics?: Record<string, true | { default?: string }>
  componentPlaceholder?: Record<string, string>
  styleIsolation?: string
  addGlobalClass?: boolean
  pureDataPattern?: string
  disableScroll?: boolean
}

export interface Bundle {
  app: AppConfig
  /** What project.config.json calls the AppID; empty when it does not. */
  appId: string
  /** The values of theme.json, by theme. */
  themes: Partial<Record<'light' | 'dark', Record<string, string>>>
  /** Of each page and component, by its path without an extension. */
  units: Record<string, UnitConfig>
  /** By path with `.js`. */
  modules: Record<string, ModuleFactory>
  /** Compiled templates by path; `wrap` stands between an event and the method that hears it. */
  templates(wrap: EventWrapper): Record<string, unknown>
  /** Style sheets by path without an extension; `app` is everybody's. */
  styles: Record<string, string>
  /** Addresses of the pictures of the project, by absolute path. */
  assets: Record<string, string>
}

export type EventWrapper = (caller: unknown, event: unknown, listener: (event: unknown) => unknown) => unknown
