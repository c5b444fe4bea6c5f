import { session } from './auth'
import { words } from './i18n'
import { telling } from './ui'

/** Writes a line in the page's log: the action has run. */
export function ran(page, name) {
  page.selectComponent('#log').add('done', { name })
}

/** Takes back what the person has given, so that a scenario can be tried again. */
export const reset = telling(async () => {
  if (session.hasPhone()) await session.unbindPhone()
  if (session.user?.hasProfile) await session.updateUser({ removeProfile: true })
  wx.showToast({ title: words.scenarios.resetDone })
})
