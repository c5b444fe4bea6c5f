import en from './words/en'
import zh from './words/zh'

const { language } = wx.getAppBaseInfo ? wx.getAppBaseInfo() : wx.getSystemInfoSync()

/** The language of the app: English when WeChat is, else Chinese. */
export const lang = /^en/.test(language) ? 'en' : 'zh'

/** The words of the app, by page. */
export const words = lang === 'en' ? en : zh

/** Puts values in the place of their {names}. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name])
}

/** The words in the title bar of a page, and on the tab bar of a page that has one. */
export function title(text, { tabs = false } = {}) {
  wx.setNavigationBarTitle({ title: text })
  if (!tabs || lang === 'zh') return
  for (const [index, name] of words.tabs.entries()) wx.setTabBarItem({ index, text: name })
}
