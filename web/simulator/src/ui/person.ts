import type { Surroundings } from '../surroundings'
import { askAvatar, askPhone, askPrivacy, openGuide } from './asking'
import type { Frame } from './frame'
import type { Trouble } from './state'
import { pick, showActionSheet, showModal } from './telling'
import type { Words } from './words'

/** What WeChat asks the sheets to know of the person and of the trouble that is wanted. */
export interface Knowledge {
  user(): string
  nickname(): string
  contract(): string
  troubled(trouble: Trouble): boolean
  /** Words that a nickname must not have, as the WeChat in the box judges them. */
  forbidden(): string[]
}

/** The time that WeChat takes to look at a nickname. */
const reviewMs = 400

/** The sheets around a Mini Program, in the phone's frame, for the person in front of the browser. */
export function peopleAround(frame: Frame, w: Words, knowledge: Knowledge): Surroundings {
  const { sheets, toast } = frame
  const refused = () => {
    if (!knowledge.troubled('refuse')) return false
    toast.show(w.sheet.refusing, 'none')
    setTimeout(() => toast.hide(), 2500)
    return true
  }
  return {
    askPrivacy: async ({ contract, referrer }) => (refused() ? 'disagree' : askPrivacy(sheets, w, contract, referrer)),
    openPrivacyContract: (contract) => void openGuide(sheets, w, contract),
    askPhone: async (question) => (refused() ? null : askPhone(sheets, w, knowledge.contract(), question)),
    tellPhoneQuota: () => {
      const modal = { title: w.sheet.quota, content: w.sheet.quotaText, showCancel: false, cancelText: '', confirmText: w.sheet.ok, editable: false, placeholderText: '' }
      void showModal(sheets, modal)
    },
    askAvatar: () => askAvatar(sheets, w, knowledge.user()),
    reviewNickname: async (nickname) => {
      await new Promise((resolve) => setTimeout(resolve, reviewMs))
      return knowledge.forbidden().some((word) => nickname.includes(word)) ? 'reject' : 'pass'
    },
    offerNickname: (accept) => frame.offerNickname(knowledge.nickname(), () => accept(knowledge.nickname())),
    pick: (picker) => pick(sheets, w, picker),
    showModal: (modal) => showModal(sheets, modal),
    showActionSheet: ({ items, alertText }) => showActionSheet(sheets, w, items, alertText),
    showToast: ({ title, icon, mask }) => toast.show(title, icon, mask),
    hideToast: () => toast.hide(),
    showChrome: (chrome) => frame.showChrome(chrome),
    setClipboard: (text) => {
      void navigator.clipboard?.writeText(text).catch(() => {}) // a browser may forbid it; the program is not told
      toast.show(w.sheet.copied, 'success')
      setTimeout(() => toast.hide(), 1500)
    },
    leave: (what) => {
      toast.show(w.sheet.leave.replace('{what}', what), 'none')
      setTimeout(() => toast.hide(), 2000)
    },
  }
}
