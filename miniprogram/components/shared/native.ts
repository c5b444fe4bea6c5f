/** Whether the base library is this version or a later one. */
export function libraryAtLeast(version: string): boolean {
  const own = (wx.getAppBaseInfo ? wx.getAppBaseInfo() : wx.getSystemInfoSync()).SDKVersion || '0'
  const have = own.split('.')
  const want = version.split('.')
  for (let i = 0; i < want.length; i++) {
    const difference = Number(have[i] || 0) - Number(want[i])
    if (difference !== 0) return difference > 0
  }
  return true
}

/** Whether people choose picture and nickname in WeChat's own way, since base library 2.21.2. */
export function canChooseAvatar(): boolean {
  return wx.canIUse('button.open-type.chooseAvatar')
}

/** Whether WeChat asks for the consent to a privacy guide; not on base libraries before 2.32.3. */
export function asksConsent(): boolean {
  return libraryAtLeast('2.32.3')
}

/** Whether the person has yet to agree to the privacy guide. Never where WeChat does not ask. */
export function needsConsent(then: (needed: boolean, guide: string) => void): void {
  if (!wx.getPrivacySetting) {
    then(false, '')
    return
  }
  wx.getPrivacySetting({
    success: (answer) => then(answer.needAuthorization, answer.privacyContractName),
    fail: () => then(false, ''),
  })
}
