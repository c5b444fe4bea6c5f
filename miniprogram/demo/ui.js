import { textOf } from 'mpauth/texts'
import { lang, words } from './i18n'

/** Tells the person in words what went wrong. */
export function tell(error) {
  wx.showToast({ title: textOf(error, lang), icon: 'none', duration: 3000 })
}

/** What a tap runs: the person is told when it fails. */
export function telling(run) {
  return async function (...args) {
    try {
      return await run.apply(this, args)
    } catch (error) {
      tell(error)
    }
  }
}

/** Whether the person means it. */
export function confirmed(content) {
  const { yes: confirmText, no: cancelText } = words.confirm
  return new Promise((resolve) => {
    wx.showModal({
      content,
      confirmText,
      cancelText,
      success: ({ confirm }) => resolve(confirm),
      fail: () => resolve(false),
    })
  })
}
